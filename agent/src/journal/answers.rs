//! Which calls were seen, so that the same call asked twice is done once.
//!
//! The index is in memory, so that a caller learns without the disk that its call runs already; the answers themselves are
//! in the database, in the same transactions as the entries about them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use streembit_keys::Thumbprint;
use streembit_peer::message::{CallId, MAX_VALIDITY, Receipt};

/// The most unexpired answers of one contact. At the longest validity of five minutes that is 27 calls a second; whoever
/// needs more makes requests valid for a shorter time.
pub const MAX_ANSWERS: usize = 8192;

/// The most bytes of unexpired answers of one contact, on disk.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;

/// The most unexpired answers of all contacts: about 10 MB of memory.
pub(super) const MAX_ALL: usize = 4 * MAX_ANSWERS;

/// An answer is kept a little longer than its request is valid, which its caller's clock decides and not ours.
const SLACK: Duration = Duration::from_secs(60);

/// Rows that one commit removes: a burst that expires at once must not make one commit long.
const REMOVED_AT_ONCE: usize = 256;

/// Names a call: nobody's ids collide with another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) contact: Thumbprint,
    pub(super) call: CallId,
}

/// What the journal knows of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it may begin.
    Fresh,
    /// It has begun and has not ended.
    Running,
    /// It has ended.
    Done(Kept),
    /// It has begun, and nobody knows how it ended. It is never begun again.
    Unknown,
    /// Another call had this id.
    Other,
}

/// An answer that is kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What `finish` was given.
    pub answer: Vec<u8>,
    /// Where the outcome is recorded.
    pub receipt: Receipt,
}

/// Why a call may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was asked before, and stands so.
    Same(State),
    /// Another call has its id.
    Other,
    /// Its contact has as many unexpired answers as are kept.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Done(Receipt),
    Unknown,
}

#[derive(Debug)]
struct Slot {
    content: [u8; 32],
    deadline: Duration,
    state: State,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Usage {
    count: usize,
    bytes: usize,
}

/// The index. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Index>>);

#[derive(Debug, Default)]
struct Index {
    slots: HashMap<Key, Slot>,
    by_deadline: BTreeSet<(Duration, Key)>,
    usage: HashMap<Thumbprint, Usage>,
    /// Expired, and still in the database.
    dead: Vec<Key>,
}

/// A call that may begin. Forgotten again where the intent does not become durable.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) key: Key,
    pub(super) content: [u8; 32],
    answers: Option<Answers>,
}

impl Reservation {
    /// The intent is durable.
    pub(super) fn keep(mut self) {
        self.answers = None;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(answers) = self.answers.take() {
            answers.lock().remove(&self.key);
        }
    }
}

impl Answers {
    /// What is known of a call, if it was seen.
    pub(super) fn look(&self, key: &Key, content: &[u8; 32]) -> Result<(), Known> {
        self.lock().look(key, content)
    }

    /// Makes a call this caller's to begin. Of two at once, one gets it.
    pub(super) fn reserve(
        &self,
        key: Key,
        content: [u8; 32],
        valid_for: Duration,
        now: Duration,
    ) -> Result<Reservation, Known> {
        let mut index = self.lock();
        index.look(&key, &content)?;
        index.expire(now);
        let full = index.slots.len() >= MAX_ALL
            || index
                .usage
                .get(&key.contact)
                .is_some_and(|usage| usage.count >= MAX_ANSWERS || usage.bytes >= MAX_ANSWER_BYTES);
        if full {
            return Err(Known::Full);
        }
        let deadline = now + valid_for.min(longest()) + SLACK;
        index.insert(key, Slot { content, deadline, state: State::Running, bytes: 0 });
        Ok(Reservation { key, content, answers: Some(self.clone()) })
    }

    /// The answer is durable.
    pub(super) fn done(&self, key: &Key, receipt: Receipt, bytes: usize) {
        let mut index = self.lock();
        if let Some(slot) = index.slots.get_mut(key) {
            slot.state = State::Done(receipt);
            slot.bytes = bytes;
            index.usage.entry(key.contact).or_default().bytes += bytes;
        }
    }

    /// It is durable that nobody knows.
    pub(super) fn unknown(&self, key: &Key) {
        if let Some(slot) = self.lock().slots.get_mut(key) {
            slot.state = State::Unknown;
        }
    }

    /// Takes over an answer of an earlier run. When its request expires is not known any longer, but it was within the
    /// longest validity.
    pub(super) fn restore(&self, key: Key, content: [u8; 32], state: State, bytes: usize, now: Duration) {
        let mut index = self.lock();
        index.insert(key, Slot { content, deadline: now + longest() + SLACK, state, bytes: 0 });
        if let Some(slot) = index.slots.get_mut(&key) {
            slot.bytes = bytes;
        }
        index.usage.entry(key.contact).or_default().bytes += bytes;
    }

    /// Expired answers to remove from the database. Hand them to [`Answers::still_dead`] where that fails.
    pub(super) fn take_dead(&self, now: Duration) -> Vec<Key> {
        let mut index = self.lock();
        index.expire(now);
        let count = index.dead.len().min(REMOVED_AT_ONCE);
        index.dead.drain(..count).collect()
    }

    pub(super) fn still_dead(&self, keys: Vec<Key>) {
        self.lock().dead.extend(keys);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().slots.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longest() -> Duration {
    Duration::from_secs(MAX_VALIDITY.unsigned_abs())
}

impl Index {
    fn look(&self, key: &Key, content: &[u8; 32]) -> Result<(), Known> {
        match self.slots.get(key) {
            None => Ok(()),
            Some(slot) if slot.content == *content => Err(Known::Same(slot.state)),
            Some(_) => Err(Known::Other),
        }
    }

    fn insert(&mut self, key: Key, slot: Slot) {
        self.by_deadline.insert((slot.deadline, key));
        self.usage.entry(key.contact).or_default().count += 1;
        // Back before it was removed from the database: the new row takes the place of the old.
        self.dead.retain(|dead| *dead != key);
        self.slots.insert(key, slot);
    }

    fn remove(&mut self, key: &Key) {
        let Some(slot) = self.slots.remove(key) else { return };
        self.by_deadline.remove(&(slot.deadline, *key));
        if let Some(usage) = self.usage.get_mut(&key.contact) {
            usage.count -= 1;
            usage.bytes = usage.bytes.saturating_sub(slot.bytes);
            if usage.count == 0 {
                self.usage.remove(&key.contact);
            }
        }
    }

    /// Forgets what has expired, except for what still runs: a second try of that must not begin it again.
    fn expire(&mut self, now: Duration) {
        while let Some(&(deadline, key)) = self.by_deadline.first() {
            if deadline > now {
                break;
            }
            if self.slots.get(&key).is_some_and(|slot| slot.state == State::Running) {
                self.by_deadline.remove(&(deadline, key));
                if let Some(slot) = self.slots.get_mut(&key) {
                    slot.deadline = now + SLACK;
                    self.by_deadline.insert((slot.deadline, key));
                }
            } else {
                self.remove(&key);
                self.dead.push(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn key(n: u8) -> Key {
        Key { contact: Thumbprint::from_bytes([n; 32]), call: CallId::from_bytes([n; 16]) }
    }

    fn begin(answers: &Answers, key: Key, now: Duration) -> Result<Reservation, Known> {
        answers.reserve(key, [7; 32], 10 * S, now)
    }

    #[test]
    fn of_two_at_once_one_begins() {
        let answers = Answers::default();
        let first = begin(&answers, key(1), S).unwrap();
        assert_eq!(begin(&answers, key(1), S).unwrap_err(), Known::Same(State::Running));
        first.keep();
        assert_eq!(begin(&answers, key(1), S).unwrap_err(), Known::Same(State::Running));
        assert!(begin(&answers, key(2), S).is_ok(), "another contact's call");
    }

    #[test]
    fn another_content_under_the_same_id_is_told_apart() {
        let answers = Answers::default();
        begin(&answers, key(1), S).unwrap().keep();
        assert_eq!(answers.reserve(key(1), [8; 32], S, S).unwrap_err(), Known::Other);
        assert_eq!(answers.look(&key(1), &[8; 32]), Err(Known::Other));
    }

    #[test]
    fn what_was_not_recorded_may_be_tried_again() {
        let answers = Answers::default();
        drop(begin(&answers, key(1), S).unwrap());
        assert!(begin(&answers, key(1), S).is_ok());
        assert!(answers.lock().by_deadline.is_empty() && answers.lock().usage.is_empty());
    }

    #[test]
    fn an_answer_lives_until_its_request_has_expired_and_no_longer() {
        let answers = Answers::default();
        begin(&answers, key(1), S).unwrap().keep();
        let receipt = Receipt { seq: 2, head: streembit_peer::message::JournalHead::from_bytes([0; 32]) };
        answers.done(&key(1), receipt, 100);
        assert!(answers.take_dead(70 * S).is_empty());
        assert_eq!(answers.look(&key(1), &[7; 32]), Err(Known::Same(State::Done(receipt))));
        assert_eq!(answers.take_dead(71 * S), [key(1)]);
        assert_eq!(answers.look(&key(1), &[7; 32]), Ok(()));
    }

    #[test]
    fn what_still_runs_is_not_forgotten_when_it_expires() {
        let answers = Answers::default();
        begin(&answers, key(1), S).unwrap().keep();
        assert!(answers.take_dead(1000 * S).is_empty());
        assert_eq!(begin(&answers, key(1), 1000 * S).unwrap_err(), Known::Same(State::Running));
        answers.unknown(&key(1));
        assert_eq!(answers.take_dead(2000 * S), [key(1)]);
    }

    #[test]
    fn full_means_refused_for_that_contact_alone_and_until_something_expires() {
        let answers = Answers::default();
        let contact = Thumbprint::from_bytes([1; 32]);
        let call = |n: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            Key { contact, call: CallId::from_bytes(id) }
        };
        for n in 0..MAX_ANSWERS {
            begin(&answers, call(n), S).unwrap().keep();
            answers.unknown(&call(n));
        }
        assert_eq!(answers.reserve(call(MAX_ANSWERS), [7; 32], S, S).unwrap_err(), Known::Full);
        assert_eq!(
            begin(&answers, call(0), S).unwrap_err(),
            Known::Same(State::Unknown),
            "nothing was evicted"
        );
        assert!(begin(&answers, key(2), S).is_ok());
        assert!(begin(&answers, call(MAX_ANSWERS), 71 * S).is_ok());
    }

    #[test]
    fn big_answers_fill_sooner() {
        let answers = Answers::default();
        begin(&answers, key(1), S).unwrap().keep();
        let receipt = Receipt { seq: 2, head: streembit_peer::message::JournalHead::from_bytes([0; 32]) };
        answers.done(&key(1), receipt, MAX_ANSWER_BYTES);
        let next = Key { call: CallId::from_bytes([9; 16]), ..key(1) };
        assert_eq!(answers.reserve(next, [7; 32], S, S).unwrap_err(), Known::Full);
    }
}
