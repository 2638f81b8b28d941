//! The last words: why a subscription has ended, with what was still to be told, and what came of an action.
//!
//! Each is said once and nothing comes after it, so one that was dropped would never be noticed. For a slow reader the
//! outputs go first, which it can ask for again; what still does not fit ends its session, and every wait with it.

use std::collections::VecDeque;

use streembit_peer::message::Notification;

use super::{MAX_SUBSCRIPTIONS, MAX_WAITING_EVENTS, left_out};
use crate::command::actions::MAX_RUNNING_OF_A_CALLER;
use crate::json_text::JsonText;

/// Ends that wait, some 300 bytes each without outputs. Who moves over to another session ends all subscriptions of this one
/// together, each with what waits in it. Beside them is room for the actions that a contact may run, twice: it may start
/// others in place of those that have ended. A reader that is further behind is stuck.
pub(super) const MAX_WAITING: usize =
    MAX_SUBSCRIPTIONS * (MAX_WAITING_EVENTS + 1) + 2 * MAX_RUNNING_OF_A_CALLER;

/// Bytes of the outputs among them. With all sessions full this is 16 MiB.
pub(super) const MAX_OUTPUTS: usize = 256 * 1024;

/// The ends that wait, the oldest first.
#[derive(Default)]
pub(super) struct Ends {
    /// Each with its value, which it does not carry itself yet.
    waiting: VecDeque<(Notification, Option<JsonText>)>,
    outputs: usize,
}

/// There is no room to tell one more end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overrun;

impl Ends {
    /// Takes one up. Where there is no room for its value it says that it has left one out.
    pub(super) fn push(&mut self, end: Notification, value: Option<JsonText>) -> Result<(), Overrun> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(Overrun);
        }
        let output = value.as_ref().map_or(0, JsonText::size);
        if self.outputs + output > MAX_OUTPUTS {
            self.waiting.push_back((left_out(end, "too much waits to be read"), None));
        } else {
            self.outputs += output;
            self.waiting.push_back((end, value));
        }
        Ok(())
    }

    /// The oldest.
    pub(super) fn pop(&mut self) -> Option<Notification> {
        let (end, value) = self.waiting.pop_front()?;
        self.outputs -= value.as_ref().map_or(0, JsonText::size);
        Some(Notification { value: value.as_ref().map(JsonText::value), ..end })
    }
}
