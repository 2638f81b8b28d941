//! What a device answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use streembit_keys::jws::{self, Typ, Unverified};
use streembit_keys::{PrivateKey, Thumbprint};

use super::json::{self, JsonError};
use super::long::{Announced, Announcement, LongValue};
use super::{
    ActionId, JournalHead, MAX_DEPTH, MAX_MESSAGE, MAX_PAYLOAD, MAX_VALUE, MessageError, RequestHash,
};
use crate::session::{SessionPeers, Sid};

const RESPONSE: Typ = Typ::new("sb-res");

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Done; the value is `null` where there is none.
    Ok(Value),
    /// The action runs on. Its end comes as a notification, and `queryaction` asks for it.
    Pending(ActionId),
    /// Not done, or not known to be.
    Problem(Problem),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What a program acts on.
    pub code: ProblemCode,
    /// What a person reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where in the input, as a JSON Pointer (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Problem {
    /// A problem that its code says all about.
    pub const fn new(code: ProblemCode) -> Self {
        Self { code, detail: None, pointer: None }
    }

    /// A problem with something for a person to read.
    pub fn because(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()), pointer: None }
    }
}

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// No right to it, or there is no such thing: the device does not say which.
    #[error("refused, or there is no such thing")]
    Refused,
    /// The input does not match the affordance's data schema.
    #[error("the input is invalid")]
    InvalidInput,
    /// The right depends on the time of day, and the device has no clock that it trusts.
    #[error("the device has no clock that it trusts")]
    Clock,
    /// The device or the Thing cannot take more work now.
    #[error("busy")]
    Busy,
    /// No answer in time: it may have happened.
    #[error("timed out: it may have happened")]
    TimedOut,
    /// The device went down in the middle of it, or the plugin did: it may have happened.
    #[error("outcome unknown: it may have happened")]
    OutcomeUnknown,
    /// The Thing is stopped, starting or broken.
    #[error("unavailable")]
    Unavailable,
    /// The Thing or its hardware reports a failure.
    #[error("failed")]
    Failed,
    /// The journal could not be written, so nothing was done.
    #[error("not recorded, so not done")]
    NotRecorded,
    /// This very call is still running.
    #[error("still running")]
    Running,
    /// The request's validity is over, or longer than allowed.
    #[error("expired")]
    Expired,
    /// Another call had this id.
    #[error("another call had this id")]
    Duplicate,
    /// It was done, and what it put out can no longer be had: it was too long to be sent, or to be kept for whoever asks again.
    #[error("done, and its output is lost")]
    OutputLost,
}

impl ProblemCode {
    /// The code as it is written in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::InvalidInput => "invalid-input",
            Self::Clock => "clock",
            Self::Busy => "busy",
            Self::TimedOut => "timed-out",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::NotRecorded => "not-recorded",
            Self::Running => "running",
            Self::Expired => "expired",
            Self::Duplicate => "duplicate",
            Self::OutputLost => "output-lost",
        }
    }
}

/// Where the device's journal has recorded the request. The caller keeps the newest one: a journal that later lacks it, or
/// has another, was cut off or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The number of the entry.
    pub seq: u64,
    /// The head of the chain with that entry.
    pub head: JournalHead,
}

/// An answer whose signature and session hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Which request it answers.
    pub re: RequestHash,
    /// How that ended.
    pub result: Answer,
    /// Where it is recorded, if it is.
    pub receipt: Option<Receipt>,
}

/// An answer, signed for its session.
#[derive(Debug)]
pub struct SignedAnswer {
    /// What goes into the session's next frame.
    pub plaintext: String,
    /// What goes into frames behind it, where the value does not fit into the answer.
    pub follows: Option<LongValue>,
}

/// What a message of this kind says.
#[derive(Debug)]
pub(super) enum Told {
    /// All that there is to say.
    All(Response),
    /// That a value follows.
    First(Announcement),
}

/// `result`, as it travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome<V> {
    Ok(V),
    OkLong(Announced),
    Pending(ActionId),
    Problem(Problem),
}

#[derive(Serialize, Deserialize)]
struct Payload<V> {
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
    re: RequestHash,
    result: Outcome<V>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
}

impl Response {
    /// Signs the answer to a request. A value of more than [`MAX_VALUE`] bytes follows it.
    pub fn sign(
        key: &PrivateKey,
        peers: &SessionPeers,
        re: RequestHash,
        result: &Answer,
        receipt: Option<Receipt>,
    ) -> Result<SignedAnswer, JsonError> {
        let (result, follows) = match result {
            Answer::Ok(value) => {
                json::check_depth(value)?;
                let text: Box<RawValue> = to_raw_value(value).map_err(|_| JsonError::NotJson)?;
                if text.get().len() <= MAX_VALUE {
                    (Outcome::Ok(text), None)
                } else {
                    let long = LongValue::new(re, text)?;
                    (Outcome::OkLong(long.announced()), Some(long))
                }
            }
            Answer::Pending(action) => (Outcome::Pending(*action), None),
            Answer::Problem(problem) => (Outcome::Problem(problem.clone()), None),
        };
        let (iss, aud, sid) = (peers.local, peers.remote.thumbprint(), peers.sid);
        let payload = to_json(&Payload { iss, aud, sid, re, result, receipt });
        if payload.len() > MAX_PAYLOAD {
            return Err(JsonError::TooLong { max: MAX_VALUE });
        }
        Ok(SignedAnswer { plaintext: jws::sign(key, RESPONSE, &payload), follows })
    }
}

/// Checks a device's answer. Only its signature and session: whether `re` was ever asked is the caller's to know.
pub(super) fn authenticate(plaintext: &[u8], peers: &SessionPeers) -> Result<Told, MessageError> {
    let payload = open(plaintext, RESPONSE, peers)?;
    let message: Payload<Value> = serde_json::from_slice(&payload)
        .map_err(|_| MessageError::Malformed("a member is missing or wrong"))?;
    check_session(peers, message.iss, message.aud, message.sid)?;
    let (re, receipt) = (message.re, message.receipt);
    let result = match message.result {
        Outcome::Ok(value) => Answer::Ok(value),
        Outcome::Pending(action) => Answer::Pending(action),
        Outcome::Problem(problem) => Answer::Problem(problem),
        Outcome::OkLong(value) if value.is_long() => {
            return Ok(Told::First(Announcement { re, value, receipt }));
        }
        Outcome::OkLong(_) => {
            return Err(MessageError::Malformed("the length of the value is none that follows its answer"));
        }
    };
    Ok(Told::All(Response { re, result, receipt }))
}

/// Verifies a message without disclosures and hands out its payload.
pub(super) fn open(plaintext: &[u8], typ: Typ, peers: &SessionPeers) -> Result<Vec<u8>, MessageError> {
    if plaintext.len() > MAX_MESSAGE {
        return Err(MessageError::TooLong(plaintext.len()));
    }
    let jws = std::str::from_utf8(plaintext).map_err(|_| MessageError::NotText)?;
    let payload = Unverified::parse(jws, typ)?.verify(&peers.remote)?;
    // Two levels more than a value: the payload and its `result` are objects around it.
    if !json::depth_within(&payload, MAX_DEPTH + 2) {
        return Err(MessageError::Malformed("nested too deep"));
    }
    Ok(payload)
}

/// A message counts in the session that it was signed for, and nowhere else.
pub(super) fn check_session(
    peers: &SessionPeers,
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
) -> Result<(), MessageError> {
    if iss != peers.remote.thumbprint() {
        return Err(MessageError::Elsewhere("iss"));
    }
    if aud != peers.local {
        return Err(MessageError::Elsewhere("aud"));
    }
    if sid != peers.sid {
        return Err(MessageError::Elsewhere("sid"));
    }
    Ok(())
}

/// JSON of one of our own payloads, which have string keys only and thus always serialise.
pub(super) fn to_json(payload: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(payload).unwrap_or_default()
}
