//! What people were told about the actions that they invoked.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{Finished, Requests};

/// What somebody was told, by the exit code.
#[derive(Debug, Default)]
pub struct Told {
    /// 0, with the entry that the receipt names and the head of the journal there.
    pub done: Vec<(u64, String)>,
    /// 6: it may have happened.
    pub unknown: usize,
    /// 4: it has not been asked.
    pub unreachable: usize,
    /// Anything else, with the message.
    pub otherwise: BTreeMap<String, usize>,
}

impl Told {
    /// Takes the end of one `streembit --json invoke`, and returns whether it was done.
    pub fn take(&mut self, ended: &Finished) -> Result<bool> {
        match ended.code {
            Some(0) => {
                let receipt = &ended.json()?["receipt"];
                let seq = receipt["seq"].as_u64().context("a receipt without an entry")?;
                let head = receipt["head"].as_str().context("a receipt without a head")?;
                self.done.push((seq, head.to_owned()));
            }
            Some(6) => self.unknown += 1,
            Some(4) => self.unreachable += 1,
            code => {
                let said = ended.json().map_or(Value::Null, |said| said["error"]["message"].clone());
                *self.otherwise.entry(format!("{code:?} {said}")).or_default() += 1;
            }
        }
        Ok(ended.code == Some(0))
    }

    /// Whether the journal says the same: each that was told as done is there, at its place and once.
    pub fn agrees_with(&self, journal: &Requests) -> Result<()> {
        for (seq, head) in &self.done {
            ensure!(
                journal.completed.get(seq) == Some(head),
                "entry {seq} was told as done, and is not in the journal"
            );
        }
        let places: BTreeSet<u64> = self.done.iter().map(|(seq, _)| *seq).collect();
        ensure!(places.len() == self.done.len(), "two were told of the same entry");
        Ok(())
    }
}

impl FromIterator<Told> for Told {
    fn from_iter<I: IntoIterator<Item = Told>>(all: I) -> Self {
        all.into_iter().fold(Told::default(), |mut sum, told| {
            sum.done.extend(told.done);
            sum.unknown += told.unknown;
            sum.unreachable += told.unreachable;
            for (what, times) in told.otherwise {
                *sum.otherwise.entry(what).or_default() += times;
            }
            sum
        })
    }
}
