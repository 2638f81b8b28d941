//! What is written beside the entries that somebody waits for: reads, denials, and what was given up.
//!
//! It is collected in memory, bounded, and goes to the disk every few seconds with whatever is written then. A reader
//! never waits for the disk, and a flood of denials costs the disk no more than a trickle.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use streembit_keys::Thumbprint;
use streembit_peer::message::{Name, Operation};

use super::answers::Key;
use super::entry::{Read, What};

/// Kinds of reads that one entry lists. More are counted and not named.
const MAX_READS: usize = 256;

/// Kinds of denials that one write takes. More are counted and not named.
const MAX_DENIALS: usize = 64;

/// The longest reason or source of a denial that is kept.
const MAX_TEXT: usize = 128;

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Denial {
    /// Where it came from: a network address or transport peer, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// Whose key asked, where that was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Thumbprint>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Operation>,
    /// On which Thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<Name>,
    /// On which of its affordances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affordance: Option<Name>,
    /// Why it was refused.
    pub why: Cow<'static, str>,
}

impl Denial {
    /// A denial of which only the reason is known.
    pub fn because(why: impl Into<Cow<'static, str>>) -> Self {
        Self { source: None, caller: None, op: None, thing: None, affordance: None, why: why.into() }
    }

    fn bounded(mut self) -> Self {
        let cut = |text: &str| text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default().to_owned();
        if self.why.len() > MAX_TEXT {
            self.why = cut(&self.why).into();
        }
        if let Some(source) = self.source.as_mut().filter(|source| source.len() > MAX_TEXT) {
            *source = cut(source).into();
        }
        self
    }
}

/// An intent that nobody will finish.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenUp {
    pub(super) intent: u64,
    pub(super) key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ReadKey(Thumbprint, Operation, Name, Option<Name>);

/// What is collected until the next write.
#[derive(Debug, Default)]
pub(super) struct Pending {
    reads: HashMap<ReadKey, u64>,
    unlisted_reads: u64,
    denials: HashMap<Denial, u64>,
    unlisted_denials: u64,
    pub(super) given_up: Vec<GivenUp>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.denials.is_empty() && self.given_up.is_empty()
    }

    /// The entry about reads, if there were any.
    pub(super) fn take_reads(&mut self) -> Option<What> {
        if self.reads.is_empty() {
            return None;
        }
        let mut reads: Vec<_> = self
            .reads
            .drain()
            .map(|(ReadKey(contact, op, thing, affordance), times)| Read {
                contact,
                op,
                thing,
                affordance,
                times,
            })
            .collect();
        reads.sort_by(|a, b| {
            (a.contact, a.op, &a.thing, &a.affordance).cmp(&(b.contact, b.op, &b.thing, &b.affordance))
        });
        Some(What::Reads { reads, unlisted: std::mem::take(&mut self.unlisted_reads) })
    }

    /// The denials, and how often each.
    pub(super) fn take_denials(&mut self) -> Vec<(Denial, u64)> {
        let mut denials: Vec<_> = self.denials.drain().collect();
        let more = std::mem::take(&mut self.unlisted_denials);
        if more > 0 {
            denials.push((Denial::because("more of other kinds in the same seconds"), more));
        }
        denials
    }
}

/// The collector. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Aside(Arc<Mutex<Pending>>);

impl Aside {
    /// Counts a read. `true` where it is the first thing to be written, so that the writer must be told.
    pub(super) fn read(
        &self,
        who: Thumbprint,
        op: Operation,
        thing: &Name,
        affordance: Option<&Name>,
    ) -> bool {
        let key = ReadKey(who, op, thing.clone(), affordance.cloned());
        let mut pending = self.lock();
        let first = pending.is_empty();
        if pending.reads.len() >= MAX_READS && !pending.reads.contains_key(&key) {
            pending.unlisted_reads += 1;
        } else {
            *pending.reads.entry(key).or_default() += 1;
        }
        first
    }

    /// Counts a denial. `true` as for [`Aside::read`].
    pub(super) fn deny(&self, denial: Denial) -> bool {
        let denial = denial.bounded();
        let mut pending = self.lock();
        let first = pending.is_empty();
        if pending.denials.len() >= MAX_DENIALS && !pending.denials.contains_key(&denial) {
            pending.unlisted_denials += 1;
        } else {
            *pending.denials.entry(denial).or_default() += 1;
        }
        first
    }

    /// Notes an intent that nobody will finish.
    pub(super) fn give_up(&self, given_up: GivenUp) {
        self.lock().given_up.push(given_up);
    }

    /// Takes all, for a write.
    pub(super) fn take(&self) -> Pending {
        std::mem::take(&mut *self.lock())
    }

    /// The write failed. What was given up must still be said; counts of reads and denials are lost.
    pub(super) fn put_back(&self, given_up: Vec<GivenUp>) {
        self.lock().given_up.extend(given_up);
    }

    /// Whether there is something that should not wait.
    pub(super) fn is_urgent(&self) -> bool {
        !self.lock().given_up.is_empty()
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn equal_reads_are_counted_and_only_the_first_wakes_the_writer() {
        let aside = Aside::default();
        let who = Thumbprint::from_bytes([1; 32]);
        assert!(aside.read(who, Operation::ReadProperty, &name("door"), Some(&name("state"))));
        assert!(!aside.read(who, Operation::ReadProperty, &name("door"), Some(&name("state"))));
        let Some(What::Reads { reads, unlisted: 0 }) = aside.take().take_reads() else { panic!("no reads") };
        assert_eq!((reads.len(), reads[0].times), (1, 2));
        assert!(aside.is_empty());
    }

    #[test]
    fn many_kinds_of_reads_stay_bounded_and_none_goes_uncounted() {
        let aside = Aside::default();
        for n in 0..1000u32 {
            aside.read(
                Thumbprint::from_bytes([1; 32]),
                Operation::ReadProperty,
                &name(&format!("t{n}")),
                None,
            );
        }
        let Some(What::Reads { reads, unlisted }) = aside.take().take_reads() else { panic!("no reads") };
        assert_eq!(reads.len(), MAX_READS);
        assert_eq!(reads.iter().map(|read| read.times).sum::<u64>() + unlisted, 1000);
    }

    #[test]
    fn a_flood_of_denials_stays_bounded_and_none_goes_uncounted() {
        let aside = Aside::default();
        for n in 0..10_000u32 {
            aside.deny(Denial { source: Some(format!("peer {n}").into()), ..Denial::because("stranger") });
        }
        let denials = aside.take().take_denials();
        assert_eq!(denials.len(), MAX_DENIALS + 1);
        assert_eq!(denials.iter().map(|(_, times)| times).sum::<u64>(), 10_000);
    }

    #[test]
    fn long_texts_are_cut() {
        let aside = Aside::default();
        aside.deny(Denial { source: Some("ä".repeat(1000).into()), ..Denial::because("x".repeat(1000)) });
        let (denial, _) = aside.take().take_denials().remove(0);
        assert_eq!((denial.why.len(), denial.source.unwrap().len()), (MAX_TEXT, MAX_TEXT));
    }
}
