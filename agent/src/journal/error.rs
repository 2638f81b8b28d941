//! What can go wrong with the journal.

use std::path::PathBuf;

use crate::access::ChangeRefused;

/// The journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0}: in use by another process (is the agent running already?)")]
    InUse(PathBuf),
    /// A file cannot be opened or made.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The disk is full, or fails. Nothing is known against the journal itself.
    #[error(
        "{path}: {why}. Make room on the disk, or mend it, and start the agent again; the journal stays as it is"
    )]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the disk says.
        why: String,
    },
    /// A file of something else.
    #[error(
        "{0}: not a journal of this agent. Put a backup back, or start afresh with `streembit-agent factory-reset`"
    )]
    Foreign(PathBuf),
    /// Made by a later version.
    #[error(
        "{path}: made by a newer agent (format {found}, this one knows {known}): install that version again"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// The journal of another device.
    #[error("{path}: the journal of another device ({found})")]
    OtherDevice {
        /// The file.
        path: PathBuf,
        /// Whose it is, a thumbprint.
        found: String,
    },
    /// The database is damaged, or somebody changed it: what it says is not what this device signed.
    #[error(
        "{path}: damaged or changed: {why}. `streembit-agent journal verify` says where; put a backup back, or start \
         afresh with `streembit-agent factory-reset`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

/// The journal could not be written, so nothing may move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// More is waiting to be written than the queue holds.
    #[error("too much is waiting to be recorded")]
    Busy,
    /// The contact has as many unexpired answers as are kept for it.
    #[error("too many requests of this contact are still valid: wait, or make them valid for a shorter time")]
    Full,
    /// The disk says no.
    #[error("the journal cannot be written: {0}")]
    Storage(String),
}

/// A change of rights was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// It is not allowed, or out of order.
    #[error(transparent)]
    Refused(#[from] ChangeRefused),
    /// It could not be recorded.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
}

/// The journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be read: {0}")]
pub struct ReadError(pub(super) String);

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}
