//! Checking everything that is kept, and saying what that does not prove.

use std::fmt;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;
use streembit_keys::PublicKey;
use streembit_peer::message::Receipt;

use super::walk::Walk;
use super::{ReadError, Standing, schema};
use crate::access::Rights;

/// The most findings of one report. A journal with more is beyond a list.
pub const MAX_FINDINGS: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many entries were checked.
    pub entries: u64,
    /// The first that is kept.
    pub first: u64,
    /// The last that the device signed, whose head is worth keeping elsewhere.
    pub last: Option<Receipt>,
    /// What is wrong; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub more_findings: u64,
    /// Intents whose outcome is not there yet.
    pub unfinished: u64,
    /// What the check cannot say.
    pub cannot_prove: Vec<CannotProve>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// An entry is not what was hashed.
    #[error("entry {seq} was changed")]
    Changed {
        /// Which.
        seq: u64,
    },
    /// An entry is sound in itself, and is not the one that the next follows or that the device signed.
    #[error("entry {seq} was replaced by another")]
    Replaced {
        /// Which.
        seq: u64,
    },
    /// An entry stands in another's place.
    #[error("in the place of entry {seq} stands entry {found}")]
    Moved {
        /// The place.
        seq: u64,
        /// What stands there.
        found: u64,
    },
    /// Entries are gone.
    #[error("entries {from} to {through} are missing")]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        through: u64,
    },
    /// There are entries after the last that the device signed.
    #[error("the entries from {from} on are not the device's: it never signed for them")]
    Unsigned {
        /// The first.
        from: u64,
    },
    /// The device's signature over where the journal stands is missing or wrong.
    #[error("the device's signature over the journal: {why}")]
    Standing {
        /// Why.
        why: String,
    },
    /// The request in an intent is not signed by the contact, or asks for something else.
    #[error("the request of entry {seq}: {why}")]
    Request {
        /// Which.
        seq: u64,
        /// Why.
        why: String,
    },
    /// The kept input is not the one that was signed.
    #[error("the input kept with entry {seq} is not the one that was signed")]
    Input {
        /// Which.
        seq: u64,
    },
    /// An outcome without its intent, or a second one.
    #[error("entry {seq} ends entry {intent}, which was not begun or has ended already")]
    Unpaired {
        /// The outcome.
        seq: u64,
        /// What it says it ends.
        intent: u64,
    },
    /// An intent without an outcome, which is not listed as unfinished: the next start would pass over it.
    #[error("entry {seq} has no outcome, and is not listed as unfinished")]
    Unlisted {
        /// The intent.
        seq: u64,
    },
    /// The kept changes of rights are not those that were made.
    #[error("the changes of rights: {why}")]
    Rights {
        /// Why.
        why: String,
    },
    /// SQLite finds the file damaged.
    #[error("the database: {why}")]
    Database {
        /// What SQLite says.
        why: String,
    },
    /// Somebody kept a later head than there is.
    #[error("the journal was cut off: it ends with entry {last}, and entry {kept} was there")]
    CutOff {
        /// The last entry.
        last: u64,
        /// The entry of the kept head.
        kept: u64,
    },
    /// The entry of the kept head is another one now.
    #[error("the journal was rewritten: entry {seq} is not the one whose head was kept")]
    Rewritten {
        /// Which.
        seq: u64,
    },
}

/// What a check cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "cannot-prove", rename_all = "kebab-case")]
pub enum CannotProve {
    /// That this is the newest state: an old copy of the whole database looks sound.
    Newest,
    /// What stood in entries that are not kept: they were removed because they were old or many, or the device was restored
    /// from a backup, which has none.
    BeforeCut {
        /// The last of them.
        through: u64,
    },
    /// The kept head is of an entry that is not kept.
    KeptHeadIsCut {
        /// Its number.
        kept: u64,
    },
    /// What the inputs were that were dropped or never kept.
    Inputs {
        /// How many.
        count: u64,
    },
    /// That these requests were signed by those named: their keys never became known here.
    Askers {
        /// How many.
        count: u64,
    },
    /// That no denial, and no kept answer, was changed: neither is part of the chain.
    BesideTheChain,
}

impl fmt::Display for CannotProve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str(
                "that nothing was cut off at the end together with the device's signature (an old copy put back): check \
                 against a head that somebody kept",
            ),
            Self::BeforeCut { through } => {
                write!(f, "what stood in the entries up to {through}, which are not kept: removed for age or number, or from before \
                     the device was restored from a backup")
            }
            Self::KeptHeadIsCut { kept } => {
                write!(f, "whether entry {kept} is the one whose head was kept: the journal has it no longer")
            }
            Self::Inputs { count } => write!(f, "what the inputs of {count} requests were: they were not kept"),
            Self::Askers { count } => {
                write!(f, "who signed {count} requests of callers that never became contacts")
            }
            Self::BesideTheChain => {
                f.write_str("that no denial and no kept answer was changed: they stand beside the chain")
            }
        }
    }
}

impl Report {
    /// Whether nothing is wrong, as far as can be proven.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }
}

/// Checks the journal of a device, also while the agent runs. `against` is a head that somebody kept.
///
/// `Err` means that it could not be looked at. What is wrong with it is in the [`Report`].
pub fn check(path: &Path, device: &PublicKey, against: Option<Receipt>) -> Result<Report, ReadError> {
    if !schema::is_there(path) {
        return Err(ReadError(format!("{}: no such file", path.display())));
    }
    let mut report = Report {
        entries: 0,
        first: 0,
        last: None,
        findings: Vec::new(),
        more_findings: 0,
        unfinished: 0,
        cannot_prove: Vec::new(),
    };
    match Walk::new(path, device).and_then(|walk| walk.run(against, &mut report)) {
        Ok(()) => {}
        // A damaged file can make any query fail: that is a finding, and not a reason to say nothing.
        Err(error) => report.find(Finding::Database { why: error.to_string() }),
    }
    if against.is_none() {
        report.cannot_prove.push(CannotProve::Newest);
    }
    report.cannot_prove.push(CannotProve::BesideTheChain);
    Ok(report)
}

/// The device's word about where the journal stands.
pub(super) fn standing(
    connection: &Connection,
    device: &PublicKey,
) -> rusqlite::Result<Result<Standing, String>> {
    Ok(match schema::fact::<String>(connection, "standing")? {
        Some(signed) => Standing::verify(&signed, device).map_err(|error| error.to_string()),
        None => Err("missing".to_owned()),
    })
}

/// The kept changes of rights, in order.
pub(super) fn changes(connection: &Connection) -> rusqlite::Result<Vec<(u64, String)>> {
    let mut statement = connection.prepare("SELECT number, change FROM rights ORDER BY number")?;
    statement
        .query_map([], |row| Ok((super::batch::unsigned(row.get(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()
}

/// The changes themselves.
pub(super) fn texts(changes: &[(u64, String)]) -> impl Iterator<Item = &str> {
    changes.iter().map(|(_, change)| change.as_str())
}

/// Whether the kept changes lead to the rights that the device signed for.
pub(super) fn rights_hold<'a>(
    changes: impl IntoIterator<Item = &'a str>,
    device: &PublicKey,
    standing: &Standing,
) -> Result<Rights, String> {
    let rights = Rights::replay(device, changes).map_err(|error| error.to_string())?;
    if (rights.seq(), rights.head()) == (standing.rights, standing.rights_head) {
        Ok(rights)
    } else {
        Err(format!("{} are kept, and the device signed for {}", rights.seq(), standing.rights))
    }
}

/// What SQLite says of its own file.
pub(super) fn sound(path: &Path, report: &mut Report) -> rusqlite::Result<()> {
    let connection = schema::open_for_reading(path)?;
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let why: String = row.get(0)?;
        if why != "ok" {
            report.find(Finding::Database { why });
        }
    }
    Ok(())
}
