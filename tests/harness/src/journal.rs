//! What a device's journal says of the requests to one of its Things.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::Device;

/// Entries that one answer of the agent holds at most.
const PAGE: u64 = 1000;

/// The requests to one Thing that were recorded, by how they ended. Each is the number of its intent.
#[derive(Debug, Default)]
pub struct Requests {
    /// All of them.
    pub recorded: BTreeSet<u64>,
    /// Done, by the entry that says so, with that entry's head.
    pub completed: BTreeMap<u64, String>,
    /// They may have happened.
    pub unknown: BTreeSet<u64>,
    /// The device went down before anything moved for them.
    pub unmoved: BTreeSet<u64>,
    /// They ended in another way, in the journal's words.
    pub otherwise: BTreeMap<u64, String>,
    /// How many of those have moved something all the same.
    pub moved_otherwise: usize,
}

impl Requests {
    /// Those that changed something on `thing`, as the running `device` shows its journal.
    pub fn of(device: &Device, thing: &str) -> Result<Self> {
        let mut found = Self::default();
        let mut from = 1;
        loop {
            let (first, limit) = (from.to_string(), PAGE.to_string());
            let page = device.run(["--json", "log", "--from", &first, "--limit", &limit])?.success()?;
            let page = page.json()?;
            let entries = page["entries"].as_array().context("no entries")?;
            for entry in entries {
                let seq = entry["seq"].as_u64().context("an entry without a number")?;
                ensure!(seq == from, "entry {from} is missing");
                found.take(seq, entry, thing)?;
                from += 1;
            }
            if entries.is_empty() {
                return Ok(found);
            }
        }
    }

    fn take(&mut self, seq: u64, entry: &Value, thing: &str) -> Result<()> {
        let kind = entry["kind"].as_str().context("an entry without a kind")?;
        if kind == "intent" {
            if entry["thing"] == thing {
                self.recorded.insert(seq);
            }
            return Ok(());
        }
        let Some(intent) = entry["intent"].as_u64().filter(|intent| self.recorded.contains(intent)) else {
            return Ok(());
        };
        match (kind, entry["result"].as_str()) {
            // Its end follows.
            ("outcome", Some("pending")) => {}
            ("outcome" | "completed", Some("ok")) => {
                self.completed.insert(seq, entry["head"].as_str().unwrap_or_default().to_owned());
            }
            ("outcome-unknown", _) | (_, Some("outcome-unknown")) => {
                self.unknown.insert(intent);
            }
            ("nothing-moved", _) => {
                self.unmoved.insert(intent);
            }
            (kind, result) => {
                self.otherwise.insert(intent, result.unwrap_or(kind).to_owned());
                self.moved_otherwise += usize::from(entry["moved"] == true);
            }
        }
        Ok(())
    }

    /// How many of them have moved the Thing, or may have.
    pub fn movements(&self) -> usize {
        self.completed.len() + self.unknown.len() + self.moved_otherwise
    }

    /// Whether the Thing moved as often as they say, but for one that is unknown and did not.
    ///
    /// A command is marked just before it moves something: the mark and the movement are two calls of the system. Whoever
    /// is killed exactly between them has said "it may have moved" of what did not, which is the side to err on. It takes a
    /// kill within that microsecond, so two of them in one run are no accident. Where the device dies at chosen places
    /// instead, this exception is not made.
    pub fn explain(&self, moved: usize) -> bool {
        let say = self.movements();
        moved == say || (moved + 1 == say && !self.unknown.is_empty())
    }

    /// Whether each has exactly one end.
    pub fn all_have_ended(&self) -> bool {
        let moved_or_unknown = self.completed.len() + self.unknown.len();
        self.recorded.len() == moved_or_unknown + self.unmoved.len() + self.otherwise.len()
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recorded, completed) = (self.recorded.len(), self.completed.len());
        let (unknown, unmoved) = (self.unknown.len(), self.unmoved.len());
        write!(
            f,
            "{recorded} requests recorded, {completed} completed, {unknown} unknown, {unmoved} not moved"
        )?;
        if self.otherwise.is_empty() { Ok(()) } else { write!(f, ", otherwise {:?}", self.otherwise) }
    }
}
