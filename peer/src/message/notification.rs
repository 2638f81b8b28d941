//! What a device tells those who observe and subscribe.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use streembit_keys::jws::{self, Typ};
use streembit_keys::{PrivateKey, Thumbprint};

use super::json::{self, JsonError};
use super::response::{check_session, open, to_json};
use super::{MAX_PAYLOAD, MAX_VALUE, MessageError, Name, Problem, RequestHash};
use crate::session::{SessionPeers, Sid};

const NOTIFICATION: Typ = Typ::new("sb-ntf");

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotificationKind {
    /// A property has this value now.
    Property,
    /// An event happened.
    Event,
    /// A pending action has ended.
    Action,
}

/// Why there will be no more notifications of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The caller asked for it. All that was to be told before has come.
    Unsubscribed,
    /// The action is over: its one notification has come.
    Done,
    /// The right to it was taken away, or has run out.
    Revoked,
    /// The Thing is gone.
    Gone,
    /// The device is stopping.
    Stopping,
}

/// News for one subscription, whose signature and session hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The request that it belongs to.
    pub sub: RequestHash,
    /// Counts up from 1 within the subscription, without gaps.
    pub n: u64,
    /// The Thing.
    pub thing: Name,
    /// Its affordance.
    pub affordance: Name,
    /// What it is about.
    pub kind: NotificationKind,
    /// The property's value, the event's data, or the action's output; `Some` also where that is JSON's `null`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why the action failed, or why there is no value: something was missed, and this tells of nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// How many were dropped before this one because their reader was slow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// Set on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
    #[serde(flatten)]
    notification: &'a Notification,
}

#[derive(Deserialize)]
struct Incoming {
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
    #[serde(flatten)]
    notification: Notification,
}

impl Notification {
    /// Signs it: what goes into the session's next frame. News are short: nothing follows a notification.
    pub fn sign(&self, key: &PrivateKey, peers: &SessionPeers) -> Result<String, JsonError> {
        if let Some(value) = &self.value {
            json::check_depth(value)?;
        }
        let (iss, aud, sid) = (peers.local, peers.remote.thumbprint(), peers.sid);
        let payload = to_json(&Outgoing { iss, aud, sid, notification: self });
        if payload.len() > MAX_PAYLOAD {
            return Err(JsonError::TooLong { max: MAX_VALUE });
        }
        Ok(jws::sign(key, NOTIFICATION, &payload))
    }

    /// Checks a device's notification. Only its signature and session: the subscription checks that `n` has no gap.
    pub fn authenticate(plaintext: &[u8], peers: &SessionPeers) -> Result<Self, MessageError> {
        let payload = open(plaintext, NOTIFICATION, peers)?;
        let message: Incoming = serde_json::from_slice(&payload)
            .map_err(|_| MessageError::Malformed("a member is missing or wrong"))?;
        check_session(peers, message.iss, message.aud, message.sid)?;
        Ok(message.notification)
    }
}

/// Keeps `null` apart from absent: serde alone makes both `None`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
