//! Ends of actions that the journal could not take: they are tried again until it does, or the device stops.
//!
//! Without that a known end would be "outcome unknown" after the next start, only because the disk was full for a moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::device::Device;
use crate::journal::Outcome;

/// Ends that wait, some 24 bytes each. While the journal cannot be written no further action begins, so that there are as
/// many as ran when the trouble began; a disk that comes and goes may add to them.
const MAX_WAITING: usize = 1024;

/// The first wait: a disk that was full for a moment is not any more.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The waits double up to this. It costs one failing write, and whoever has made room need not wait for long.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The ends that wait, the oldest first.
#[derive(Default)]
pub(super) struct Unrecorded(Mutex<State>);

#[derive(Default)]
struct State {
    /// By the entry of their intent.
    waiting: VecDeque<(u64, Outcome)>,
    /// One task tries for all of them.
    is_tried: bool,
}

/// Writes how an action ended, now or as soon as the journal takes it.
pub(super) async fn record_end(device: &Arc<Device>, intent: u64, how: Outcome) {
    let Err(error) = device.journal().complete(intent, how).await else { return };
    tracing::error!(%error, intent, "the end of an action could not be recorded, and is tried again");
    let unrecorded = &device.actions().unrecorded;
    match unrecorded.push(intent, how) {
        Pushed::First => drop(tokio::spawn(try_again(Arc::downgrade(device)))),
        Pushed::Behind => {}
        // It stays "pending" in the journal, and becomes "outcome unknown" at the next start.
        Pushed::Full => tracing::error!(intent, "too many ends wait for the journal: this one is given up"),
    }
}

/// Holds the device only while it asks the journal, so that its end is the end of this too.
async fn try_again(device: Weak<Device>) {
    let mut wait = FIRST_WAIT;
    loop {
        tokio::time::sleep(wait).await;
        let Some(device) = device.upgrade() else { return };
        let unrecorded = &device.actions().unrecorded;
        while let Some((intent, how)) = unrecorded.next() {
            if device.journal().complete(intent, how).await.is_err() {
                break;
            }
            tracing::info!(intent, "the end of an action is recorded at last");
            unrecorded.is_recorded();
            wait = FIRST_WAIT;
        }
        if unrecorded.is_done() {
            return;
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Where a new one stands.
#[derive(Debug, PartialEq, Eq)]
enum Pushed {
    /// Nobody tries yet.
    First,
    Behind,
    Full,
}

impl Unrecorded {
    fn push(&self, intent: u64, how: Outcome) -> Pushed {
        let mut state = self.lock();
        if state.waiting.len() >= MAX_WAITING {
            return Pushed::Full;
        }
        state.waiting.push_back((intent, how));
        if std::mem::replace(&mut state.is_tried, true) { Pushed::Behind } else { Pushed::First }
    }

    /// How many ends wait.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn next(&self) -> Option<(u64, Outcome)> {
        self.lock().waiting.front().copied()
    }

    fn is_recorded(&self) {
        self.lock().waiting.pop_front();
    }

    /// Whether none is left. Then nobody tries any longer, and the next one is the first again.
    fn is_done(&self) -> bool {
        let mut state = self.lock();
        state.is_tried = !state.waiting.is_empty();
        !state.is_tried
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tries_for_all_until_none_is_left() {
        let unrecorded = Unrecorded::default();
        assert_eq!(unrecorded.push(1, Outcome::Ok), Pushed::First);
        assert_eq!(unrecorded.push(2, Outcome::Ok), Pushed::Behind);
        assert_eq!(unrecorded.next(), Some((1, Outcome::Ok)));
        unrecorded.is_recorded();
        assert!(!unrecorded.is_done());
        unrecorded.is_recorded();
        assert!(unrecorded.is_done());
        assert_eq!(unrecorded.push(3, Outcome::Ok), Pushed::First, "somebody must try again");
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let unrecorded = Unrecorded::default();
        for intent in 0..MAX_WAITING as u64 {
            assert_ne!(unrecorded.push(intent, Outcome::Ok), Pushed::Full);
        }
        assert_eq!(unrecorded.push(0, Outcome::Ok), Pushed::Full);
        unrecorded.is_recorded();
        assert_eq!(unrecorded.push(0, Outcome::Ok), Pushed::Behind);
    }
}
