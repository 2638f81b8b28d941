//! The open pairing: one secret, ten minutes, one use.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streembit_keys::Thumbprint;
use streembit_peer::link::Secret;
use streembit_peer::message::{Problem, ProblemCode};
use streembit_peer::rights::{Grants, InvitationId, Role, SecretHash};
use streembit_peer::session::Sid;

use crate::access::{Attempts, Rights};

/// How long a pairing stays open (DESIGN, section 7).
pub const OPEN_FOR: Duration = Duration::from_secs(600);

/// What the open pairing makes of whoever proves its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// What the new contact will be. [`Role::Owner`] is the claim of a device that has no owner.
    pub role: Role,
    /// What it may do besides.
    pub grants: Grants,
}

/// Pairing, and the tries at the secrets of links.
#[derive(Default)]
pub struct Pairing(Mutex<State>);

#[derive(Default)]
struct State {
    open: Option<Open>,
    attempts: Attempts,
}

struct Open {
    secret: SecretHash,
    admission: Admission,
    until: Duration,
}

/// A pairing that was used up.
pub(super) struct Redeemed(Open);

impl Redeemed {
    /// What it makes of whoever proved its secret.
    pub(super) fn admission(&self) -> &Admission {
        &self.0.admission
    }
}

/// Somebody who says to know a secret, and how often it may be tried from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try<'a> {
    pub(super) source: &'a str,
    pub(super) sid: &'a Sid,
    pub(super) who: &'a Thumbprint,
    pub(super) proof: &'a str,
    pub(super) now: Duration,
}

impl Pairing {
    /// Opens a pairing, in place of one that is open.
    pub fn open(&self, secret: &Secret, admission: Admission, now: Duration) {
        self.lock().open = Some(Open { secret: secret.hash(), admission, until: now + OPEN_FOR });
    }

    /// Closes it.
    pub fn close(&self) {
        self.lock().open = None;
    }

    /// Whether a pairing is open.
    pub fn is_open(&self, now: Duration) -> bool {
        self.lock().open.as_ref().is_some_and(|open| now < open.until)
    }

    /// Whether a proof holds, without using up the secret. A wrong one is counted against its source.
    pub(super) fn check(&self, attempt: &Try<'_>) -> Result<(), Problem> {
        self.lock().attempt(attempt, |open| open.map(|open| open.secret)).map(|_| ())
    }

    /// Whether the proof of an invitation's secret holds. A wrong one is counted against its source.
    pub(super) fn check_invitation(
        &self,
        rights: &Rights,
        id: &InvitationId,
        attempt: &Try<'_>,
    ) -> Result<(), Problem> {
        self.lock().attempt(attempt, |_| rights.invitation(id).map(|invitation| invitation.secret_hash))
    }

    /// Uses up the open pairing, if the proof holds.
    pub(super) fn redeem(&self, attempt: &Try<'_>) -> Result<Redeemed, Problem> {
        let mut state = self.lock();
        state.attempt(attempt, |open| open.map(|open| open.secret))?;
        state.open.take().map(Redeemed).ok_or(REFUSED)
    }

    /// What was used up led to nothing: it is open again for the rest of its time, unless another was opened since.
    pub(super) fn give_back(&self, Redeemed(open): Redeemed) {
        self.lock().open.get_or_insert(open);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const REFUSED: Problem = Problem::new(ProblemCode::Refused);

impl State {
    /// A try that comes too soon does not learn whether it was right.
    fn attempt(
        &mut self,
        attempt: &Try<'_>,
        secret: impl FnOnce(Option<&Open>) -> Option<SecretHash>,
    ) -> Result<(), Problem> {
        let Try { source, sid, who, proof, now } = *attempt;
        self.attempts
            .check(source, now)
            .map_err(|too_soon| Problem::because(ProblemCode::Busy, too_soon.to_string()))?;
        let open = self.open.as_ref().filter(|open| now < open.until);
        if secret(open).is_some_and(|secret| secret.admits(proof, sid, who)) {
            self.attempts.succeeded(source);
            return Ok(());
        }
        self.attempts.failed(source, now);
        Err(REFUSED)
    }
}
