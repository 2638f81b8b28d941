//! What travels in a session: requests, responses, notifications.
//!
//! Each is a JWS of its own kind, by the account that speaks, for the account that listens, in one session: a message
//! taken out of its session proves who said it, and is worth nothing anywhere else. A [`Call`] says what its caller wants and
//! becomes a [`SignedRequest`]; the device makes a [`Request`] of it with [`Request::authenticate`], the only way to
//! get one, and answers with a [`Response`]; what it tells a subscriber later is a [`Notification`].
//!
//! The input of a request is not in what is signed: only its salted hash is (RFC 9901), and the value follows in a
//! *disclosure*. The device's journal keeps the signed part for good and drops the disclosure of, say, a PIN.

mod disclosure;
mod error;
pub mod json;
mod name;
mod notification;
mod operation;
mod request;
mod response;

pub use error::MessageError;
pub use name::{Name, NotAName};
pub use notification::{End, Notification, NotificationKind};
pub use operation::{Operation, UnknownOperation};
pub use request::{Call, Request, SignedRequest};
pub use response::{Answer, Problem, ProblemCode, Receipt, Response};

use crate::encoded::base64_bytes;
use crate::session::SessionPeers;

/// The longest JSON text of a value: an input, or what a notification brings.
///
/// 64 KiB is far above any reading or setting. What is larger (a picture) follows its answer in chunks.
pub const MAX_VALUE: usize = 64 * 1024;

/// The longest payload of a response. Twice a value, because one answer may hold all properties of a Thing.
pub const MAX_ANSWER: usize = 2 * MAX_VALUE;

/// The deepest nesting of a JSON value. Thing Descriptions of real devices stay below 15; parsers recurse.
pub const MAX_DEPTH: usize = 32;

/// The longest validity of a request in seconds: answers of what changes the world are kept that long.
pub const MAX_VALIDITY: i64 = 5 * 60;

/// How many requests one session may have unanswered. More wait at the caller, not at the device.
pub const MAX_OUTSTANDING: usize = 64;

/// The longest plaintext of a message. Base64 adds a third to the JWS, and once more to the JWE, so that
/// the largest answer still fits [`crate::wire::MAX_FRAME`].
pub const MAX_MESSAGE: usize = MAX_ANSWER / 3 * 4 + 4096;

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

/// What a device sends: either answers or notifications.
#[derive(Debug)]
pub enum FromDevice {
    /// The answer to a request.
    Response(Response),
    /// News for a subscription.
    Notification(Notification),
}

impl FromDevice {
    /// Checks one message of a device.
    pub fn authenticate(plaintext: &[u8], peers: &SessionPeers) -> Result<Self, MessageError> {
        match Response::authenticate(plaintext, peers) {
            Ok(response) => Ok(Self::Response(response)),
            Err(MessageError::Jws(streembit_keys::jws::JwsError::Typ { .. })) => {
                Notification::authenticate(plaintext, peers).map(Self::Notification)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
