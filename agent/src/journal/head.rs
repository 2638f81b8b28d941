//! The device's signature over where its journal stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use streembit_keys::jws::{self, JwsError, Typ};
use streembit_keys::{PrivateKey, PublicKey, Thumbprint};
use streembit_peer::message::{JournalHead, Receipt};
use streembit_peer::rights::ChangeHash;

const HEAD: Typ = Typ::new("sb-head");

/// Where the journal stands, as the device signs it with every commit. A start needs to check no more than this, since
/// nobody else can sign it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last entry.
    #[serde(flatten)]
    pub last: Receipt,
    /// How many changes of rights there were.
    pub rights: u64,
    /// The hash of the last of them.
    pub rights_head: ChangeHash,
    /// The last entry that was removed for good; 0 where none was.
    pub cut: u64,
    /// The head of the chain with that entry.
    pub cut_head: JournalHead,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: Thumbprint,
    #[serde(flatten)]
    standing: Standing,
}

/// Why a text is not the device's word about its journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not signed by the device.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Signed, but no journal head.
    #[error("not a journal head")]
    Malformed,
}

impl Standing {
    /// The device's word that this is how its journal stands.
    pub(super) fn sign(self, key: &PrivateKey) -> String {
        let payload = Payload { iss: key.public().thumbprint(), standing: self };
        // String keys only: it always serialises.
        jws::sign(key, HEAD, &serde_json::to_vec(&payload).unwrap_or_default())
    }

    /// Checks the word of a device.
    pub fn verify(text: &str, device: &PublicKey) -> Result<Self, HeadError> {
        let payload = jws::verify(text, HEAD, device)?;
        let payload: Payload = serde_json::from_slice(&payload).map_err(|_| HeadError::Malformed)?;
        if payload.iss != device.thumbprint() {
            return Err(HeadError::Malformed);
        }
        Ok(payload.standing)
    }
}

/// A head that somebody kept, out of a receipt, in the form `NUMBER:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptHead(pub Receipt);

/// The text is not a kept head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a journal head: the form is NUMBER:HASH, as `journal verify` and receipts show it")]
pub struct NotAHead;

impl FromStr for KeptHead {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (seq, head) = text.trim().split_once(':').ok_or(NotAHead)?;
        let seq = seq.parse().map_err(|_| NotAHead)?;
        Ok(Self(Receipt { seq, head: head.parse().map_err(|_| NotAHead)? }))
    }
}

impl fmt::Display for KeptHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.seq, self.0.head)
    }
}
