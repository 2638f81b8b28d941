//! Actions that run on after their first answer, and how they ended.
//!
//! Every call of an action is here from before the Thing hears of it, so that an end that comes quicker than the Thing's
//! own "pending" is not lost. What is over is kept for a while for `queryaction`, the oldest going first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::{Value, json};
use streembit_keys::Thumbprint;
use streembit_peer::message::{ActionId, Name, Problem, RequestHash};

use super::authorize::may_ask;
use super::caller::Caller;
use super::unrecorded::{Unrecorded, record_end};
use crate::device::Device;
use crate::journal;
use crate::things::Fault;

/// Actions of one caller that have not ended. A person starts a handful; a script that starts more is stuck.
const MAX_RUNNING_OF_A_CALLER: usize = 64;

/// Actions of all callers, ended ones included: 64 for each of a few callers, some 200 bytes each and their output.
const MAX_KEPT: usize = 512;

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

/// All calls of actions that run or have ended not long ago.
#[derive(Default)]
pub struct Actions {
    state: Mutex<State>,
    pub(super) unrecorded: Unrecorded,
}

#[derive(Default)]
struct State {
    last: u64,
    by_invocation: HashMap<u64, Entry>,
    by_id: HashMap<ActionId, u64>,
    /// Invocations that are over, the oldest first.
    ended: VecDeque<u64>,
}

struct Entry {
    id: ActionId,
    started: Started,
    /// Its caller was told that it is pending, so its end is news.
    pending: bool,
    end: Option<Result<Option<Value>, Fault>>,
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
        let ended = {
            let mut state = self.actions.lock();
            let Some(entry) = state.by_invocation.get_mut(&self.invocation) else { return };
            entry.pending = true;
            entry.end.is_some()
        };
        if ended {
            settle(device, self.invocation);
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
pub(super) fn settle(device: &Arc<Device>, invocation: u64) {
    let Some((started, outcome)) = device.actions().ended(invocation) else { return };
    let outcome = outcome.map_err(|fault| Problem::from(&fault));
    let device = Arc::clone(device);
    // On its own, because whoever learns of the end must not wait for the disk. There are at most `MAX_KEPT` of them.
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
        let mut state = self.lock();
        let running = |entry: &&Entry| entry.end.is_none() && entry.started.contact == started.contact;
        if state.by_invocation.values().filter(running).count() >= MAX_RUNNING_OF_A_CALLER {
            return Err(TooManyActions);
        }
        if state.by_invocation.len() >= MAX_KEPT {
            let oldest = state.ended.pop_front().ok_or(TooManyActions)?;
            state.forget(oldest);
        }
        state.last += 1;
        let invocation = state.last;
        state.by_id.insert(id, invocation);
        state.by_invocation.insert(invocation, Entry { id, started, pending: false, end: None });
        drop(state);
        Ok(Running { actions: self, invocation, pending: false })
    }

    /// Which action a call is of.
    pub fn action_of(&self, invocation: u64) -> Option<Name> {
        Some(self.lock().by_invocation.get(&invocation)?.started.action.clone())
    }

    /// It has ended. `true` where that it runs is on disk: then `settle` is due.
    pub fn end(&self, invocation: u64, thing: &str, outcome: Result<Option<Value>, Fault>) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.by_invocation.get_mut(&invocation) else { return false };
        // A Thing speaks for its own actions only, and of each end once.
        if &*entry.started.thing != thing || entry.end.is_some() {
            return false;
        }
        entry.end = Some(outcome);
        let pending = entry.pending;
        state.ended.push_back(invocation);
        pending
    }

    /// The Thing is gone, and with it the end of whatever it was doing. Returns what is to be settled.
    pub fn lose(&self, thing: &str) -> Vec<u64> {
        let running: Vec<_> = {
            let state = self.lock();
            let of_it = |(_, entry): &(&u64, &Entry)| &*entry.started.thing == thing && entry.end.is_none();
            state.by_invocation.iter().filter(of_it).map(|(invocation, _)| *invocation).collect()
        };
        let gone = || Err(Fault::OutcomeUnknown("the Thing went away while the action was running".into()));
        running.into_iter().filter(|invocation| self.end(*invocation, thing, gone())).collect()
    }

    fn ended(&self, invocation: u64) -> Option<(Started, Result<Option<Value>, Fault>)> {
        let state = self.lock();
        let entry = state.by_invocation.get(&invocation)?;
        Some((entry.started.clone(), entry.end.clone()?))
    }

    /// How an action is doing. Somebody else's action does not exist.
    pub fn query(&self, id: &ActionId, who: &Thumbprint, thing: &str, action: &str) -> Option<Status> {
        let state = self.lock();
        let entry = state.by_invocation.get(state.by_id.get(id)?)?;
        entry.is(who, thing, action).then(|| entry.status())
    }

    /// The number of an action that still runs, for cancelling it; `Some(None)` where it is over.
    pub fn running(&self, id: &ActionId, who: &Thumbprint, thing: &str, action: &str) -> Option<Option<u64>> {
        let state = self.lock();
        let invocation = *state.by_id.get(id)?;
        let entry = state.by_invocation.get(&invocation)?;
        entry.is(who, thing, action).then(|| entry.end.is_none().then_some(invocation))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, invocation: u64) {
        if let Some(entry) = self.by_invocation.remove(&invocation) {
            self.by_id.remove(&entry.id);
            if entry.end.is_some() {
                self.ended.retain(|ended| *ended != invocation);
            }
        }
    }
}

impl Entry {
    fn is(&self, who: &Thumbprint, thing: &str, action: &str) -> bool {
        self.pending
            && self.started.contact == *who
            && &*self.started.thing == thing
            && &*self.started.action == action
    }

    /// As the WoT Profile writes an `ActionStatus`, without what belongs to HTTP.
    fn status(&self) -> Status {
        Status(match &self.end {
            None => json!({ "status": "running" }),
            Some(Ok(None)) => json!({ "status": "completed" }),
            Some(Ok(Some(output))) => json!({ "status": "completed", "output": output }),
            Some(Err(fault)) => json!({ "status": "failed", "error": Problem::from(fault) }),
        })
    }
}

#[cfg(test)]
mod tests;
