//! Looking at the journal beside its writer.
//!
//! Each look opens the database for itself (a tenth of a millisecond): looks are rare, and an idle connection costs memory.

use std::path::Path;

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use streembit_peer::message::JournalHead;

use super::answers::Key;
use super::batch::{signed, unsigned};
use super::entry::{Body, Entry};
use super::{Denial, ReadError, schema};

/// The most entries of one read: with usual requests they fill some 600 KB.
pub const MAX_PAGE: usize = 1000;

/// The most bytes of one read, but for the entry that passes it. An entry is as long as the request that it holds, and some
/// dozens of long ones are more than one answer may be (4 MiB, to a contact and on the control socket).
pub const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Which entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The first ones from this number on.
    From(u64),
    /// The last ones.
    Newest,
}

/// A denial as it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialRecord {
    /// Its number. The ring forgets the oldest.
    pub number: u64,
    /// When, in Unix seconds, where something vouched for the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// How often within a few seconds.
    pub times: u64,
    /// What was refused.
    #[serde(flatten)]
    pub denial: Denial,
}

/// Entries in their order: one at least where there is one, then as many as `limit` and [`MAX_PAGE_BYTES`] allow.
pub(super) fn entries(path: &Path, page: Page, limit: usize) -> Result<Vec<Entry>, ReadError> {
    let connection = schema::open_for_reading(path)?;
    let (from, order) = match page {
        Page::From(from) => (from, "ASC"),
        Page::Newest => (0, "DESC"),
    };
    let mut statement = connection.prepare(&format!(
        "SELECT head, body, input FROM entries WHERE seq >= ?1 ORDER BY seq {order} LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0);
    let mut rows = statement.query(params![signed(from), limit])?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let (entry, length) = entry(row)?;
        entries.push(entry);
        bytes += length;
    }
    if page == Page::Newest {
        entries.reverse();
    }
    Ok(entries)
}

/// An entry, and the length of its texts.
fn entry(row: &Row<'_>) -> Result<(Entry, usize), ReadError> {
    let (body, input): (String, Option<String>) = (row.get(1)?, row.get(2)?);
    let length = body.len() + input.as_ref().map_or(0, String::len);
    let body: Body = serde_json::from_str(&body).map_err(|error| ReadError(error.to_string()))?;
    Ok((Entry { body, head: JournalHead::from_bytes(row.get(0)?), input }, length))
}

pub(super) fn denials(path: &Path, limit: usize) -> Result<Vec<DenialRecord>, ReadError> {
    let connection = schema::open_for_reading(path)?;
    let mut statement =
        connection.prepare("SELECT number, at, times, denial FROM denials ORDER BY number DESC LIMIT ?1")?;
    let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0);
    let rows = statement.query_map(params![limit], |row| {
        let denial: String = row.get(3)?;
        Ok(serde_json::from_str(&denial).map_err(|error| ReadError(error.to_string())).and_then(|denial| {
            Ok(DenialRecord {
                number: unsigned(row.get(0)?),
                at: row.get(1)?,
                times: unsigned(row.get(2)?),
                denial,
            })
        }))
    })?;
    rows.map(|row| row?).collect()
}

pub(super) fn answer(path: &Path, key: &Key) -> Result<Vec<u8>, ReadError> {
    let connection = schema::open_for_reading(path)?;
    Ok(connection.query_row(
        "SELECT answer FROM answers WHERE contact = ?1 AND call = ?2",
        params![key.contact.as_bytes(), key.call.as_bytes()],
        |row| row.get(0),
    )?)
}
