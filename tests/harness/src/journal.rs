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
            }
        }
        Ok(())
    }

    /// How many of them have moved the Thing, or may have.
    pub fn movements(&self) -> usize {
        self.completed.len() + self.unknown.len()
    }

    /// Whether each has exactly one end.
    pub fn all_have_ended(&self) -> bool {
        self.recorded.len() == self.movements() + self.unmoved.len() + self.otherwise.len()
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
