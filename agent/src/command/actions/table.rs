//! The table of actions: who may start one more, and what is kept of those that are over.
//!
//! What one contact lets run or makes the device keep costs no other contact anything, until the device has more than it
//! can keep for all.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};
use streembit_keys::Thumbprint;
use streembit_peer::message::{ActionId, Problem, ProblemCode};

use super::{Ended, Started, Status, TooManyActions};
use crate::json_text::JsonText;

/// Actions of one contact that have not ended. Each call is here while it lasts, so these are all that a session may have
/// outstanding. A person starts a handful.
pub(in crate::command) const MAX_RUNNING_OF_A_CALLER: usize = 64;

/// Actions of all contacts that have not ended, some 300 bytes each: eight contacts with all of theirs.
pub(super) const MAX_RUNNING: usize = 512;

/// So many a contact may start whatever the others do. With as many contacts as a device may have that is another
/// megabyte.
pub(super) const FREE_TO_ALL: usize = 4;

/// Actions of one contact that are over and can be asked about still.
pub(super) const MAX_KEPT_OF_A_CALLER: usize = 64;

/// The same of all contacts.
pub(super) const MAX_KEPT: usize = 512;

/// Bytes of outputs that are kept for one contact: four of the longest that a message takes.
pub(super) const MAX_OUTPUTS_OF_A_CALLER: usize = 512 * 1024;

/// The same for all contacts: little beside what the device's sessions take.
pub(super) const MAX_OUTPUTS: usize = 4 * 1024 * 1024;

/// All calls of actions that run or have ended not long ago.
#[derive(Default)]
pub(super) struct Table {
    last: u64,
    calls: HashMap<u64, Call>,
    by_id: HashMap<ActionId, u64>,
    /// Those that are over and may be forgotten, the oldest first. One that has ended is not over while its caller has yet
    /// to hear that it is pending.
    over: VecDeque<u64>,
    outputs: usize,
}

pub(super) struct Call {
    id: ActionId,
    pub(super) started: Started,
    /// Its caller was told that it is pending, so its end is news.
    pending: bool,
    end: Option<Result<Option<JsonText>, Problem>>,
    /// Bytes of its output.
    size: usize,
}

impl Table {
    /// Takes up a call, and gives it its number.
    pub(super) fn start(&mut self, id: ActionId, started: Started) -> Result<u64, TooManyActions> {
        let running = |call: &&Call| !call.is_over();
        let own = |call: &&Call| running(call) && call.started.contact == started.contact;
        let of_this = self.calls.values().filter(own).count();
        let room = self.calls.values().filter(running).count() < MAX_RUNNING;
        if of_this >= FREE_TO_ALL && (of_this >= MAX_RUNNING_OF_A_CALLER || !room) {
            return Err(TooManyActions);
        }
        self.last += 1;
        self.by_id.insert(id, self.last);
        self.calls.insert(self.last, Call { id, started, pending: false, end: None, size: 0 });
        Ok(self.last)
    }

    /// That a call runs on is on disk. Where it has ended since, that is due now.
    pub(super) fn pending(&mut self, invocation: u64) -> Option<Ended> {
        self.calls.get_mut(&invocation)?.pending = true;
        self.is_over(invocation)
    }

    /// A call has ended. Where that it runs is on disk, its end is due.
    pub(super) fn end(
        &mut self,
        invocation: u64,
        thing: &str,
        outcome: Result<Option<Value>, Problem>,
    ) -> Option<Ended> {
        let call = self.calls.get(&invocation)?;
        // A Thing speaks for its own actions only, and of each end once.
        if &*call.started.thing != thing || call.end.is_some() {
            return None;
        }
        let contact = call.started.contact;
        let outcome = outcome.map(|output| output.map(JsonText::from));
        let bytes = outcome.as_ref().ok().and_then(Option::as_ref).map_or(0, JsonText::size);
        self.make_room(&contact, bytes);
        let fits = bytes <= MAX_OUTPUTS_OF_A_CALLER && self.outputs + bytes <= MAX_OUTPUTS;
        let call = self.calls.get_mut(&invocation)?;
        if fits {
            (call.end, call.size) = (Some(outcome), bytes);
            self.outputs += bytes;
        } else {
            call.end = Some(Err(Problem::because(
                ProblemCode::Failed,
                "it is done, and what it answered is longer than the device can keep",
            )));
        }
        self.is_over(invocation)
    }

    /// A call that has ended, and whose caller knows that it was pending, is over.
    fn is_over(&mut self, invocation: u64) -> Option<Ended> {
        let call = self.calls.get(&invocation).filter(|call| call.is_over())?;
        let ended = Ended { started: call.started.clone(), outcome: call.end.clone()? };
        self.over.push_back(invocation);
        Some(ended)
    }

    /// Forgets what is over until one more with so many bytes has room: first of the same contact, then the oldest of all.
    fn make_room(&mut self, contact: &Thumbprint, bytes: usize) {
        let mut own: VecDeque<u64> =
            self.over.iter().copied().filter(|over| self.is_of(*over, contact)).collect();
        let mut own_bytes: usize = own.iter().map(|over| self.size_of(*over)).sum();
        while own.len() >= MAX_KEPT_OF_A_CALLER || own_bytes + bytes > MAX_OUTPUTS_OF_A_CALLER {
            let Some(oldest) = own.pop_front() else { break };
            own_bytes -= self.size_of(oldest);
            self.forget(oldest);
        }
        while self.over.len() >= MAX_KEPT || self.outputs + bytes > MAX_OUTPUTS {
            let Some(oldest) = self.over.front().copied() else { break };
            self.forget(oldest);
        }
    }

    fn is_of(&self, invocation: u64, contact: &Thumbprint) -> bool {
        self.calls.get(&invocation).is_some_and(|call| call.started.contact == *contact)
    }

    fn size_of(&self, invocation: u64) -> usize {
        self.calls.get(&invocation).map_or(0, |call| call.size)
    }

    /// Forgets a call.
    pub(super) fn forget(&mut self, invocation: u64) {
        let Some(call) = self.calls.remove(&invocation) else { return };
        self.by_id.remove(&call.id);
        self.outputs -= call.size;
        self.over.retain(|over| *over != invocation);
    }

    /// The calls of a Thing that have not ended.
    pub(super) fn running_on(&self, thing: &str) -> Vec<u64> {
        let of_it = |(_, call): &(&u64, &Call)| &*call.started.thing == thing && call.end.is_none();
        self.calls.iter().filter(of_it).map(|(invocation, _)| *invocation).collect()
    }

    /// How many calls have not ended.
    pub(super) fn running(&self) -> usize {
        self.calls.values().filter(|call| call.end.is_none()).count()
    }

    /// A call as its caller knows it, and its number. Somebody else's does not exist.
    pub(super) fn find(
        &self,
        id: &ActionId,
        who: &Thumbprint,
        thing: &str,
        action: &str,
    ) -> Option<(u64, &Call)> {
        let invocation = *self.by_id.get(id)?;
        let call = self.calls.get(&invocation)?;
        call.is(who, thing, action).then_some((invocation, call))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.calls.len(), self.by_id.len())
    }
}

impl Call {
    fn is_over(&self) -> bool {
        self.pending && self.end.is_some()
    }

    pub(super) fn is_running(&self) -> bool {
        self.end.is_none()
    }

    fn is(&self, who: &Thumbprint, thing: &str, action: &str) -> bool {
        self.pending
            && self.started.contact == *who
            && &*self.started.thing == thing
            && &*self.started.action == action
    }

    /// As the WoT Profile writes an `ActionStatus`, without what belongs to HTTP.
    pub(super) fn status(&self) -> Status {
        Status(match &self.end {
            None => json!({ "status": "running" }),
            Some(Ok(None)) => json!({ "status": "completed" }),
            Some(Ok(Some(output))) => json!({ "status": "completed", "output": output.value() }),
            Some(Err(problem)) => json!({ "status": "failed", "error": problem }),
        })
    }
}
