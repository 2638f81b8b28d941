//! What travels in a session: requests, responses, notifications.
//!
//! Each is a JWS of its own kind, by the account that speaks, for the account that listens, in one session: a message
//! taken out of its session proves who said it, and is worth nothing anywhere else. A [`Call`] says what its caller wants and
//! becomes a [`SignedRequest`]; the device makes a [`Request`] of it with [`Request::authenticate`], the only way to
//! get one, and answers with a [`Response`]; what it tells a subscriber later is a [`Notification`]. Where it has no room for
//! the session, its one message is a [`Farewell`].
//!
//! The input of a request is not in what is signed: only its salted hash is (RFC 9901), and the value follows in a
//! *disclosure*. The device's journal keeps the signed part for good and drops the disclosure of, say, a PIN.
//!
//! Everything is one message, of at most [`MAX_VALUE`] bytes of value, but for what a device answers: a longer value is
//! announced by its answer and follows it in chunks ([`long`]).

mod disclosure;
mod error;
mod farewell;
pub mod json;
pub mod long;
mod name;
mod notification;
mod operation;
mod request;
mod response;

pub use error::MessageError;
pub use farewell::Farewell;
pub use long::{
    Announced, Announcement, Assembler, Chunk, LongError, LongValue, MAX_LONG_PARTS, MAX_LONG_UNDER_WAY,
    MAX_LONG_VALUE, ValueHash, Whole,
};
pub use name::{Name, NotAName};
pub use notification::{End, Notification, NotificationKind};
pub use operation::{Operation, UnknownOperation};
pub use request::{Call, Request, SignedRequest};
pub use response::{Answer, Problem, ProblemCode, Receipt, Response, SignedAnswer};

use crate::encoded::base64_bytes;
use crate::session::SessionPeers;
use response::Told;

/// The longest JSON text of a value within a message: an input, what a notification brings, what an answer holds itself.
///
/// 64 KiB is far above any reading or setting. What is longer (a picture, the descriptions of many Things) follows its
/// answer in chunks; there is no such way for an input.
pub const MAX_VALUE: usize = 64 * 1024;

/// The longest payload of a message: a value, and what is said about it in names and hashes.
pub const MAX_PAYLOAD: usize = MAX_VALUE + 4096;

/// The deepest nesting of a JSON value. Thing Descriptions of real devices stay below 15; parsers recurse.
pub const MAX_DEPTH: usize = 32;

/// The longest validity of a request in seconds: answers of what changes the world are kept that long.
pub const MAX_VALIDITY: i64 = 5 * 60;

/// How many requests one session may have unanswered. More wait at the caller, not at the device.
pub const MAX_OUTSTANDING: usize = 64;

/// The longest plaintext of a message. Base64 adds a third to the JWS, and once more to the JWE, so that the longest
/// message still fits [`crate::wire::MAX_FRAME`].
pub const MAX_MESSAGE: usize = MAX_PAYLOAD / 3 * 4 + 4096;

base64_bytes!(
    /// The caller's own name for one call (`jti`): 16 random bytes. The same call asked twice is done once.
    CallId,
    16,
    "call id"
);

base64_bytes!(
    /// SHA-256 of a request's JWS: what a response answers (`re`) and what a notification belongs to (`sub`).
    RequestHash,
    32,
    "request hash"
);

base64_bytes!(
    /// The newest link of a device's journal, as its receipts carry it.
    JournalHead,
    32,
    "journal head"
);

base64_bytes!(
    /// An action that was started and has not ended, as `queryaction` and `cancelaction` name it.
    ActionId,
    16,
    "action id"
);

/// What a device sends.
#[derive(Debug)]
pub enum FromDevice<'a> {
    /// The answer to a request.
    Response(Response),
    /// The answer to a request whose value follows.
    Announcement(Announcement),
    /// A part of such a value.
    Chunk(Chunk<'a>),
    /// News for a subscription.
    Notification(Notification),
    /// That the session is not taken up.
    Farewell(Farewell),
}

impl<'a> FromDevice<'a> {
    /// Checks one message of a device, which the session has opened.
    pub fn authenticate(plaintext: &'a [u8], peers: &SessionPeers) -> Result<Self, MessageError> {
        if Chunk::is_one(plaintext) {
            return Chunk::from_plaintext(plaintext).map(Self::Chunk);
        }
        match response::authenticate(plaintext, peers) {
            Ok(Told::All(response)) => Ok(Self::Response(response)),
            Ok(Told::First(announcement)) => Ok(Self::Announcement(announcement)),
            Err(error) if is_another_kind(&error) => match Notification::authenticate(plaintext, peers) {
                Err(error) if is_another_kind(&error) => {
                    Farewell::authenticate(plaintext, peers).map(Self::Farewell)
                }
                news => news.map(Self::Notification),
            },
            Err(error) => Err(error),
        }
    }
}

/// Whether a message is not of the kind that it was taken for.
fn is_another_kind(error: &MessageError) -> bool {
    matches!(error, MessageError::Jws(streembit_keys::jws::JwsError::Typ { .. }))
}

#[cfg(test)]
mod tests;
