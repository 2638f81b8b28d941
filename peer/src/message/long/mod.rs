//! Values that do not fit into one message: announced in a signed answer, and sent behind it in chunks.
//!
//! An answer whose value has more than [`MAX_VALUE`] bytes of JSON text says in its `result`, in place of `"ok"`:
//!
//! ```json
//! { "ok-long": { "length": 1234567, "sha256": "<base64url>" } }
//! ```
//!
//! What follows are messages of the same session that are no JWS:
//!
//! ```text
//! 1 byte     0, with which no JWS begins
//! 32 bytes   re: the request that is answered
//! 4 bytes    offset of what follows within the text, big-endian
//! the rest   the text from there: CHUNK bytes, or what is left of it in the last one
//! ```
//!
//! The chunks of one answer come in their order, without gaps; between them come other answers, their chunks and
//! notifications, so that nobody waits for somebody else's picture. No chunk is signed: the session's AEAD says that it is the device's,
//! and the hash in the signed answer says the same of the whole, also to somebody who was not in the session. So
//! nothing of a value is handed out before all of it was hashed. Whatever does not follow these rules ends the session.
//!
//! [`LongValue`] is the sender's side and [`Assembler`] the receiver's. Neither does I/O; the device's writer decides when
//! which chunk goes out.

mod assembler;
mod chunk;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::json::{self, JsonError};
use super::{MAX_VALUE, Receipt, RequestHash};
use crate::encoded::base64_bytes;

pub use assembler::{Assembler, LongError, Whole};
pub use chunk::{CHUNK, Chunk};

/// The longest JSON text of a value that follows its answer: a picture of 3 MB in base64, or the Thing Descriptions of some
/// 600 Things. A device keeps it in memory until it is sent, and has that much for a few callers.
pub const MAX_LONG_VALUE: usize = 4 * 1024 * 1024;

/// The most bytes of long values that are under way in one session: two of the longest. A device never has more for
/// one contact, and a person's program takes no more from a device.
pub const MAX_LONG_UNDER_WAY: usize = 2 * MAX_LONG_VALUE;

/// The most values within a long one. Parsed, a value takes up to fifty times its text (`[0,0,…`); so many take 30 MB at
/// the most, and Thing Descriptions of 4 MiB have 200,000.
pub const MAX_LONG_PARTS: usize = 256 * 1024;

base64_bytes!(
    /// SHA-256 of the JSON text of a long value.
    ValueHash,
    32,
    "value hash"
);

impl ValueHash {
    fn of(text: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(text).into())
    }
}

/// What an answer says of the value that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// Bytes of its JSON text.
    pub length: u32,
    /// The hash of its JSON text.
    pub sha256: ValueHash,
}

/// An answer whose signature and session hold, and whose value follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Which request it answers.
    pub re: RequestHash,
    /// What follows.
    pub value: Announced,
    /// Where it is recorded, if it is.
    pub receipt: Option<Receipt>,
}

/// A long value on its way out.
#[derive(Debug)]
pub struct LongValue {
    re: RequestHash,
    text: Box<RawValue>,
    sent: usize,
}

impl LongValue {
    /// Takes the text of a value whose depth was checked.
    pub(super) fn new(re: RequestHash, text: Box<RawValue>) -> Result<Self, JsonError> {
        check(text.get().as_bytes())?;
        Ok(Self { re, text, sent: 0 })
    }

    /// What its answer says of it.
    pub(super) fn announced(&self) -> Announced {
        let text = self.text.get().as_bytes();
        Announced { length: u32::try_from(text.len()).unwrap_or(u32::MAX), sha256: ValueHash::of(text) }
    }

    /// Bytes in all: what it costs in memory until the last chunk is sealed.
    pub fn length(&self) -> usize {
        self.text.get().len()
    }

    /// The plaintext of the next chunk; `None` when all are made.
    pub fn next_chunk(&mut self) -> Option<Vec<u8>> {
        let rest = self.text.get().as_bytes().get(self.sent..).filter(|rest| !rest.is_empty())?;
        let bytes = rest.get(..CHUNK).unwrap_or(rest);
        let chunk = Chunk { re: self.re, offset: u32::try_from(self.sent).ok()?, bytes };
        let plaintext = chunk.to_plaintext();
        self.sent += bytes.len();
        Some(plaintext)
    }

    /// Whether all chunks are made.
    pub fn is_sent(&self) -> bool {
        self.sent >= self.length()
    }
}

/// The limits of a long value's text, on both sides.
fn check(text: &[u8]) -> Result<(), JsonError> {
    if text.len() > MAX_LONG_VALUE {
        return Err(JsonError::TooLong { max: MAX_LONG_VALUE });
    }
    if !json::parts_within(text, MAX_LONG_PARTS) {
        return Err(JsonError::TooMany);
    }
    Ok(())
}

impl Announced {
    /// Whether a device may announce this: what is not long comes within its answer.
    pub(super) fn is_long(self) -> bool {
        (MAX_VALUE + 1..=MAX_LONG_VALUE).contains(&self.bytes())
    }

    fn bytes(self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }
}
