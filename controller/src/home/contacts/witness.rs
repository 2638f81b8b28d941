//! What a person has seen of a device's journal, which it must never contradict.
//!
//! A device that is made anew out of a backup goes on from an earlier place, and says how often that was done (its
//! *generation*). Only a higher one begins anew here: the person is told, and the new journal is the one to go on from. Any other
//! journal that lacks what was seen has gone back.

use rusqlite::{OptionalExtension as _, Row, TransactionBehavior};
use serde::{Deserialize, Serialize};
use streembit_keys::PublicKey;

use super::{Contact, Contacts, key_text, sql};
use crate::error::Outcome;

/// The newest link of a device's journal that it has shown to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the entry.
    pub seq: u64,
    /// The hash that the chain has with it.
    pub head: String,
}

/// How a head that a device shows now relates to the one that it showed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadCheck {
    /// It has gone on, or is the same.
    Kept,
    /// The journal is shorter than it was, or tells another story about the same entry.
    WentBack {
        /// What the device had shown before.
        before: Head,
    },
}

impl Contacts {
    /// Keeps how often a device says that it was made anew out of a backup. Where that is more often than before, what was
    /// seen of its journal is not to be found in it any more, and its person shall be told ([`Contacts::take_restored`]). Where
    /// it is less often, two machines are this device, or one has an old copy of its journal: it went back.
    pub fn keep_generation(&mut self, key: &PublicKey, generation: u32) -> Outcome<()> {
        let key = key_text(key);
        let keeping = self.0.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let query = "SELECT generation FROM device WHERE key = ?1";
        let known: Option<Option<u32>> =
            keeping.query_row(query, [&key], |row| row.get(0)).optional().map_err(sql)?;
        let done = match known.flatten() {
            Some(known) if generation < known => {
                let seen = format!("it was made out of a backup {known} times, and now it says {generation}");
                keeping.execute(
                    "UPDATE device SET went_back = coalesce(went_back, ?2) WHERE key = ?1",
                    (&key, seen),
                )
            }
            // Another command may have seen it meanwhile.
            Some(known) if generation == known => Ok(0),
            Some(_) => keeping.execute(
                "UPDATE device SET generation = ?2, restored = 1, head_seq = NULL, head = NULL, went_back = NULL
                 WHERE key = ?1",
                (&key, generation),
            ),
            None => keeping.execute("UPDATE device SET generation = ?2 WHERE key = ?1", (&key, generation)),
        };
        done.map_err(sql)?;
        keeping.commit().map_err(sql)
    }

    /// Whether a device was made anew out of a backup, and its person has not been told. Says so once.
    pub fn take_restored(&self, name: &str) -> Outcome<bool> {
        let taken = self.0.execute("UPDATE device SET restored = 0 WHERE name = ?1 AND restored = 1", [name]);
        taken.map(|rows| rows > 0).map_err(sql)
    }

    /// Keeps the head of a receipt, if it is newer than the one that is kept. `generation` is that of the session it came in.
    ///
    /// Receipts arrive in any order, so an older one proves nothing; two heads for one entry prove that the journal was
    /// rewritten.
    pub fn keep_receipt(&mut self, key: &PublicKey, head: &Head, generation: u32) -> Outcome<HeadCheck> {
        self.compare(key, head, generation, None)
    }

    /// Keeps the head that the device named when it was asked for it. `before` is what was known when the question went
    /// out: if the answer is older than that, the journal went back. (Another command may have seen a newer one since.)
    pub fn keep_current(&mut self, before: &Contact, head: &Head) -> Outcome<HeadCheck> {
        let known = self.get(&before.name)?;
        let generation = known.generation.unwrap_or_default();
        // What was seen before it was restored is not held against it.
        let is_the_same = known.generation == before.generation;
        self.compare(&before.key, head, generation, before.head.as_ref().filter(|_| is_the_same))
    }

    fn compare(
        &mut self,
        key: &PublicKey,
        head: &Head,
        generation: u32,
        before: Option<&Head>,
    ) -> Outcome<HeadCheck> {
        let key = key_text(key);
        let comparing = self.0.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let query = "SELECT head_seq, head, generation FROM device WHERE key = ?1";
        let kept: Option<(Option<Head>, Option<u32>)> = comparing
            .query_row(query, [&key], |row| Ok((head_at(row, 0)?, row.get(2)?)))
            .optional()
            .map_err(sql)?;
        let (kept, newest) = kept.unwrap_or_default();
        // A receipt of an old session, of the machine that was the device before: it proves nothing about the new journal.
        if newest.is_some_and(|newest| generation < newest) {
            return Ok(HeadCheck::Kept);
        }
        let shorter = before.filter(|before| head.seq < before.seq).cloned();
        let went_back =
            shorter.or_else(|| kept.filter(|kept| head.seq == kept.seq && head.head != kept.head));
        let check = match went_back {
            Some(before) => {
                let seen = format!(
                    "entry {} was {}, now the journal says {} {}",
                    before.seq, before.head, head.seq, head.head
                );
                comparing
                    .execute(
                        "UPDATE device SET went_back = coalesce(went_back, ?2) WHERE key = ?1",
                        (&key, seen),
                    )
                    .map_err(sql)?;
                HeadCheck::WentBack { before }
            }
            None => {
                comparing
                    .execute(
                        "UPDATE device SET head_seq = ?2, head = ?3
                         WHERE key = ?1 AND (head_seq IS NULL OR head_seq < ?2)",
                        (&key, i64::try_from(head.seq).unwrap_or(i64::MAX), &head.head),
                    )
                    .map_err(sql)?;
                HeadCheck::Kept
            }
        };
        comparing.commit().map_err(sql)?;
        Ok(check)
    }
}

/// The head whose number and hash stand in this column and the next.
pub(super) fn head_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Head>> {
    let (seq, head): (Option<i64>, Option<String>) = (row.get(column)?, row.get(column + 1)?);
    Ok(seq.and_then(|seq| u64::try_from(seq).ok()).zip(head).map(|(seq, head)| Head { seq, head }))
}
