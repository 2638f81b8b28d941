//! The open pairing: one secret, ten minutes, one use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
pub struct Pairing(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// How often a pairing was opened or closed by the owner: what was used up before is not given back after.
    turn: u64,
    attempts: Attempts,
}

struct Open {
    secret: SecretHash,
    admission: Admission,
    until: Duration,
}

/// A pairing that is being used up. Dropped without [`Redeemed::for_good`], it led to nothing: it is open again for the
/// rest of its time, unless its owner opened another since, or closed it.
pub(super) struct Redeemed {
    open: Option<Open>,
    admission: Admission,
    turn: u64,
    pairing: Arc<Mutex<State>>,
}

impl Redeemed {
    /// What it makes of whoever proved its secret.
    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Whoever proved the secret is a contact now, on disk.
    pub(super) fn for_good(mut self) {
        self.open = None;
    }
}

impl Drop for Redeemed {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut state = self.pairing.lock().unwrap_or_else(PoisonError::into_inner);
        if state.turn == self.turn {
            state.open = Some(open);
        }
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
        let mut state = self.lock();
        state.turn += 1;
        state.open = Some(Open { secret: secret.hash(), admission, until: now + OPEN_FOR });
    }

    /// Closes it, also for whoever is about to use it up and fails.
    pub fn close(&self) {
        let mut state = self.lock();
        state.turn += 1;
        state.open = None;
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

    /// Takes the open pairing, if the proof holds, so that nobody else can.
    pub(super) fn redeem(&self, attempt: &Try<'_>) -> Result<Redeemed, Problem> {
        let mut state = self.lock();
        state.attempt(attempt, |open| open.map(|open| open.secret))?;
        let open = state.open.take().ok_or(REFUSED)?;
        let (admission, turn) = (open.admission.clone(), state.turn);
        Ok(Redeemed { open: Some(open), admission, turn, pairing: Arc::clone(&self.0) })
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

#[cfg(test)]
mod tests {
    use streembit_keys::rng;

    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn open() -> (Pairing, Secret) {
        let (pairing, secret) = (Pairing::default(), Secret::generate(&mut rng::system()));
        pairing.open(&secret, viewer(), NOW);
        (pairing, secret)
    }

    fn viewer() -> Admission {
        Admission { role: Role::Viewer, grants: Grants::default() }
    }

    fn redeem(pairing: &Pairing, secret: &Secret) -> Result<Redeemed, Problem> {
        let (sid, who) = (Sid::from_bytes([1; 32]), Thumbprint::from_bytes([2; 32]));
        let proof = secret.proof(&sid, &who);
        pairing.redeem(&Try { source: "a machine", sid: &sid, who: &who, proof: &proof, now: NOW })
    }

    #[test]
    fn a_secret_is_one_use_while_it_is_used_and_after() {
        let (pairing, secret) = open();
        let redeemed = redeem(&pairing, &secret).unwrap();
        assert!(!pairing.is_open(NOW) && redeem(&pairing, &secret).is_err());
        redeemed.for_good();
        assert!(!pairing.is_open(NOW) && redeem(&pairing, &secret).is_err());
    }

    #[test]
    fn what_led_to_nothing_is_open_again() {
        let (pairing, secret) = open();
        drop(redeem(&pairing, &secret).unwrap());
        assert!(pairing.is_open(NOW) && !pairing.is_open(NOW + OPEN_FOR));
        redeem(&pairing, &secret).unwrap().for_good();
    }

    #[test]
    fn what_the_owner_closed_or_replaced_meanwhile_is_not_opened_again() {
        let (pairing, secret) = open();
        let redeemed = redeem(&pairing, &secret).unwrap();
        pairing.close();
        drop(redeemed);
        assert!(!pairing.is_open(NOW));

        let (pairing, secret) = open();
        let redeemed = redeem(&pairing, &secret).unwrap();
        let another = Secret::generate(&mut rng::system());
        pairing.open(&another, viewer(), NOW);
        redeem(&pairing, &another).unwrap().for_good();
        drop(redeemed);
        assert!(!pairing.is_open(NOW), "nor when the other one was used up too");
    }
}
