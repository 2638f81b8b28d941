//! How somebody becomes a contact: by the secret of the open pairing, or by that of an invitation.

use std::sync::Arc;

use serde_json::{Value, json};
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::message::{Problem, ProblemCode, Request};
use streembit_peer::rights::{Change, InvitationId, Label, Role};

use super::pairing::{Redeemed, Try};
use super::{Admission, Alarm, Device};
use crate::command::Caller;

/// The input of `pair` and of `join`. (The model's schema has checked its shape.)
#[derive(serde::Deserialize)]
struct Entry {
    /// `join` only: which invitation.
    id: Option<InvitationId>,
    proof: String,
    name: Label,
    /// `pair` only: the key in the drawer of whoever claims the device.
    recovery: Option<PublicKey>,
}

impl Device {
    /// Looks at the secret that somebody says to know, before anything is written down for it.
    pub(crate) fn check_entry(&self, caller: &Caller, request: &Request) -> Result<(), Problem> {
        let checked = match request.affordance.as_deref() {
            Some("pair") => self.pairing().check(&self.attempt(caller, &entry(request)?.proof)),
            Some("join") => {
                let Entry { id, proof, .. } = entry(request)?;
                let id = id.ok_or(NO_ID)?;
                self.pairing().check_invitation(&self.rights(), &id, &self.attempt(caller, &proof))
            }
            _ => Ok(()),
        };
        if checked.as_ref().is_err_and(|problem| problem.code == ProblemCode::Refused) {
            self.alarm(Alarm::WrongSecret, caller);
        }
        checked
    }

    /// `pair`: the secret is used up, and whoever proved it is a contact.
    pub(super) async fn pair(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: &Request,
    ) -> Result<Value, Problem> {
        let Entry { proof, name, recovery, .. } = entry(request)?;
        let redeemed = self.pairing().redeem(&self.attempt(caller, &proof))?;
        let Admission { role, grants } = redeemed.admission().clone();
        let key = caller.peers().remote.clone();
        let change = if role == Role::Owner && !self.rights().is_claimed() {
            Change::Claim { key, name, recovery }
        } else {
            Change::Admit { key, name, role, grants }
        };
        self.make_change(caller, change, Some(redeemed)).await?;
        Ok(self.welcome(caller.contact()))
    }

    /// `join`: the invitation is used up.
    pub(super) async fn join(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: &Request,
    ) -> Result<Value, Problem> {
        let Entry { id, proof, name, .. } = entry(request)?;
        let id = id.ok_or(NO_ID)?;
        self.pairing().check_invitation(&self.rights(), &id, &self.attempt(caller, &proof))?;
        // Two who know the same secret and come at once: the first change wins, the second names an invitation that is gone.
        let change = Change::Join { id, key: caller.peers().remote.clone(), name };
        self.make_change(caller, change, None).await?;
        Ok(self.welcome(caller.contact()))
    }

    async fn make_change(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        change: Change,
        used: Option<Redeemed>,
    ) -> Result<(), Problem> {
        let made = self.admit(caller, change, used).await;
        made.map(|_| ()).map_err(|error| super::change::problem(&error))
    }

    fn attempt<'a>(&self, caller: &'a Caller, proof: &'a str) -> Try<'a> {
        Try {
            source: caller.source(),
            sid: &caller.peers().sid,
            who: caller.contact(),
            proof,
            now: self.clock().monotonic(),
        }
    }

    fn welcome(&self, who: &Thumbprint) -> Value {
        let role = self.rights().contact(who).map(|contact| contact.role);
        json!({ "contact": who, "role": role, "device": { "name": self.parts.title } })
    }
}

const NO_ID: Problem = Problem::new(ProblemCode::InvalidInput);

fn entry(request: &Request) -> Result<Entry, Problem> {
    let input = request.input.clone().unwrap_or(Value::Null);
    serde_json::from_value(input)
        .map_err(|error| Problem::because(ProblemCode::InvalidInput, error.to_string()))
}
