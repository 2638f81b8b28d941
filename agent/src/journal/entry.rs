//! What the journal holds, and how one entry is chained to the one before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use streembit_keys::Thumbprint;
use streembit_peer::message::{JournalHead, Name, Operation, ProblemCode};

/// One entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number, time and what happened.
    #[serde(flatten)]
    pub body: Body,
    /// The head of the chain with this entry.
    pub head: JournalHead,
    /// The input of the request (an SD-JWT disclosure), where there was one and it was not dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// The part of an entry that the chain covers.
///
/// It is kept as the very bytes that were hashed. The input is not part of it: the request's signature covers a salted
/// hash of the input, so that an input can be dropped and the proof stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The entry's number, from 1.
    pub seq: u64,
    /// When, in Unix seconds, where something vouched for the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// The agent started.
    Start {
        /// Its version.
        version: String,
    },
    /// A contact's request is about to move something.
    Intent {
        /// Who asked.
        contact: Thumbprint,
        /// For what.
        op: Operation,
        /// On which Thing.
        thing: Name,
        /// On which of its affordances.
        #[serde(skip_serializing_if = "Option::is_none")]
        affordance: Option<Name>,
        /// The request as it was signed, without its input.
        request: String,
    },
    /// What came of it.
    Outcome {
        /// The entry of the intent.
        intent: u64,
        /// How it ended.
        result: Outcome,
        /// Whether a line, or whatever else the hardware has, was moved for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        moved: bool,
    },
    /// An action that ran on after its first answer has ended.
    Completed {
        /// The entry of the intent.
        intent: u64,
        /// How it ended.
        result: Outcome,
        /// Whether anything was moved for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        moved: bool,
    },
    /// The agent went down after the intent was written and before anything was touched: it did not happen.
    NothingMoved {
        /// The entry of the intent.
        intent: u64,
    },
    /// Nobody knows what came of it: it may have happened.
    OutcomeUnknown {
        /// The entry of the intent.
        intent: u64,
        /// Why nobody knows.
        because: Unknown,
    },
    /// Properties were read.
    Reads {
        /// By whom, and how often.
        reads: Vec<Read>,
        /// Further reads in that time, of more kinds than one entry lists.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// Somebody's rights changed.
    Rights {
        /// The number of the change.
        number: u64,
        /// The change as it was signed.
        change: String,
    },
    /// Inputs of these entries were dropped.
    InputsDropped {
        /// The first.
        from: u64,
        /// The last.
        through: u64,
        /// How many inputs went.
        inputs: u64,
    },
    /// Entries up to this one are about to be removed: they were older, or more, than the device keeps.
    Cut {
        /// The last of them.
        through: u64,
    },
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It runs on; a `completed` entry follows.
    Pending,
    /// It was not done, or nobody knows.
    #[serde(untagged)]
    Problem(ProblemCode),
}

/// Why nobody knows how a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// The agent went down in the middle of it.
    Restart,
    /// The agent gave it up in the middle of it.
    GivenUp,
}

/// Reads of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Who read.
    pub contact: Thumbprint,
    /// How.
    pub op: Operation,
    /// Which Thing.
    pub thing: Name,
    /// Which of its affordances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affordance: Option<Name>,
    /// How often.
    pub times: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What the first entry of a device's journal is chained to.
pub(super) fn origin(device: Thumbprint) -> JournalHead {
    JournalHead::from_bytes(
        Sha256::new()
            .chain_update("streembit journal v1\n")
            .chain_update(device.as_bytes())
            .finalize()
            .into(),
    )
}

/// The head of the chain with one more entry, given the bytes of its body.
pub(super) fn link(prev: &JournalHead, body: &str) -> JournalHead {
    // The previous head has a fixed length, so what is hashed has one reading only.
    JournalHead::from_bytes(Sha256::new().chain_update(prev.as_bytes()).chain_update(body).finalize().into())
}
