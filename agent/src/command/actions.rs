//! Actions that run on after their first answer, and how they ended.
//!
//! Every call of an action is here from before the Thing hears of it, so that an end that comes quicker than the Thing's
//! own "pending" is not lost. What is over is kept for a while for `queryaction`, the oldest going first.

mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::Value;
use streembit_keys::Thumbprint;
use streembit_peer::message::{ActionId, Name, Problem, RequestHash};
use streembit_thing_descriptions::DataSchema;
use tokio::sync::oneshot;

use super::authorize::may_ask;
use super::caller::Caller;
use super::unrecorded::{Unrecorded, record_end};
use super::validate::fits;
use crate::device::Device;
use crate::journal;
use crate::json_text::JsonText;
use crate::things::{ActionOutcome, Fault};
use table::Table;

pub(super) use table::MAX_RUNNING_OF_A_CALLER;

/// The call of an action that could not be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many actions are running: wait for one to end, or cancel it")]
pub struct TooManyActions;

/// Who started an action, and what it was.
#[derive(Clone)]
pub struct Started {
    /// The caller's session, where its end is told.
    pub caller: Weak<Caller>,
    /// Who started it: nobody else may ask how it is doing.
    pub contact: Thumbprint,
    /// The entry of its intent in the journal.
    pub intent: Option<u64>,
    /// The request that started it.
    pub re: RequestHash,
    /// The Thing.
    pub thing: Name,
    /// The action.
    pub action: Name,
}

/// An action that ran on and is over. It is told and recorded by [`settle`], once.
pub(super) struct Ended {
    started: Started,
    outcome: Result<Option<JsonText>, Problem>,
}

/// All calls of actions that run or have ended not long ago.
#[derive(Default)]
pub struct Actions {
    table: Mutex<Table>,
    pub(super) unrecorded: Unrecorded,
}

/// A call that the Thing has not answered yet. Dropped without [`Running::pending`], it is forgotten: there is nothing
/// to ask about later.
pub struct Running {
    actions: Arc<Actions>,
    invocation: u64,
    pending: bool,
}

impl Running {
    /// Its number for the Thing.
    pub fn invocation(&self) -> u64 {
        self.invocation
    }

    /// That it runs on is on disk. Where it has ended since, that is settled now.
    pub(super) fn pending(mut self, device: &Arc<Device>) {
        self.pending = true;
        let ended = self.actions.lock().pending(self.invocation);
        if let Some(ended) = ended {
            settle(device, ended);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.pending {
            self.actions.lock().forget(self.invocation);
        }
    }
}

/// An action that ran on has ended: that goes to disk, and then to the session that started it, where that is still there.
pub(super) fn settle(device: &Arc<Device>, Ended { started, outcome }: Ended) {
    let device = Arc::clone(device);
    // On its own, because whoever learns of the end must not wait for the disk. There are never more of them than actions that ran.
    tokio::spawn(async move {
        let how = match &outcome {
            Ok(_) => journal::Outcome::Ok,
            Err(problem) => journal::Outcome::Problem(problem.code),
        };
        if let Some(intent) = started.intent {
            record_end(&device, intent, how).await;
        }
        if let Some(caller) = started.caller.upgrade() {
            // Rights may have become fewer while it ran: what `queryaction` would not answer is not told either.
            let Started { contact, re, thing, action, .. } = started;
            let may_know = may_ask(&device.rights(), &contact, &thing, &action, device.clock().now());
            caller.outbox().action_ended(re, thing, action, may_know.then_some(outcome));
        }
    });
}

/// Waits for the end of an action that runs on. There is one such task for each, and it keeps nothing alive.
pub(super) fn await_end(
    device: &Arc<Device>,
    invocation: u64,
    thing: Name,
    output: Option<DataSchema>,
    end: oneshot::Receiver<ActionOutcome>,
) {
    let device = Arc::downgrade(device);
    tokio::spawn(async move {
        let outcome = end.await.unwrap_or_else(|_| Err(gone()));
        let Some(device) = device.upgrade() else { return };
        let outcome = outcome.and_then(|value| match fits(output.as_ref(), value.as_ref()) {
            Ok(()) => Ok(value),
            Err(why) => Err(Fault::Failed(format!("it is done, and answered outside its schema: {why}"))),
        });
        if let Some(ended) = device.actions().end(invocation, &thing, outcome) {
            settle(&device, ended);
        }
    });
}

fn gone() -> Fault {
    Fault::OutcomeUnknown("the Thing went away while the action was running".into())
}

/// The action that the input of `queryaction` and `cancelaction` names: `{"action": "<id>"}`.
pub(super) fn id_of(input: Option<&Value>) -> Result<ActionId, &'static str> {
    const WHAT: &str = "the input is an object with the action's id: {\"action\": \"…\"}";
    let Some(Value::Object(members)) = input else { return Err(WHAT) };
    match (members.get("action"), members.len()) {
        (Some(Value::String(id)), 1) => id.parse().map_err(|_| WHAT),
        _ => Err(WHAT),
    }
}

/// How an action is doing, for who started it.
#[derive(Debug, Clone, PartialEq)]
pub struct Status(pub(super) Value);

impl Actions {
    /// Takes up a call, before the Thing hears of it.
    pub fn start(self: Arc<Self>, id: ActionId, started: Started) -> Result<Running, TooManyActions> {
        let invocation = self.lock().start(id, started)?;
        Ok(Running { actions: self, invocation, pending: false })
    }

    /// It has ended. Where that it runs is on disk, that is to be settled.
    pub(super) fn end(&self, invocation: u64, thing: &str, outcome: ActionOutcome) -> Option<Ended> {
        self.lock().end(invocation, thing, outcome.map_err(|fault| Problem::from(&fault)))
    }

    /// The Thing is gone, and with it the end of whatever it was doing. Returns what is to be settled.
    pub(super) fn lose(&self, thing: &str) -> Vec<Ended> {
        let running = self.lock().running_on(thing);
        running.into_iter().filter_map(|invocation| self.end(invocation, thing, Err(gone()))).collect()
    }

    /// How an action is doing. Somebody else's action does not exist.
    pub fn query(&self, id: &ActionId, who: &Thumbprint, thing: &str, action: &str) -> Option<Status> {
        self.lock().find(id, who, thing, action).map(|(_, call)| call.status())
    }

    /// The number of an action that still runs, for cancelling it; `Some(None)` where it is over.
    pub fn running(&self, id: &ActionId, who: &Thumbprint, thing: &str, action: &str) -> Option<Option<u64>> {
        let table = self.lock();
        let (invocation, call) = table.find(id, who, thing, action)?;
        Some(call.is_running().then_some(invocation))
    }

    /// How many ends of actions the journal has not taken yet.
    pub fn count_unrecorded(&self) -> usize {
        self.unrecorded.len()
    }

    /// How many actions run.
    pub fn count_running(&self) -> usize {
        self.lock().running()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
