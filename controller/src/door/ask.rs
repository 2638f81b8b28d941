//! What commands ask of devices, and what comes back: the same within one process and across the unlock socket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use streembit_peer::message::{Operation, Receipt};
use streembit_peer::rights::{Change, ChangeHash};

use crate::error::Failure;

/// One question. Each needs the account's key, a connection, or both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// One operation on a device.
    Call(Call),
    /// Observe a property or subscribe to an event, until told to stop.
    Watch(Watch),
    /// Meet a device for the first time.
    Meet(Meeting),
    /// Sign a change of rights for a device.
    SignChange {
        /// The contact's name.
        device: String,
        /// The number of the change.
        seq: u64,
        /// The hash of the change before it.
        prev: ChangeHash,
        /// The change.
        change: Change,
    },
    /// Make the contact offer of this account.
    Offer,
    /// Say how things stand.
    Status,
    /// Forget the key and end.
    Lock,
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// The contact's name.
    pub device: String,
    /// What to do.
    pub op: Operation,
    /// Of which Thing.
    pub thing: String,
    /// Of which affordance; none where the operation is about the whole Thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affordance: Option<String>,
    /// With which input; `Some` also where it is JSON's `null`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub input: Option<Value>,
    /// How long to wait for the answer, and for the end of an action that runs on.
    pub timeout: Duration,
    /// Whether to wait for the end of an action that runs on.
    #[serde(default)]
    pub wait: bool,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The value; `null` where there is none.
    pub value: Value,
    /// The action that runs on, if it does and was not waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// Where the device's journal has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// What was seen, if the device's journal was seen to have gone back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub went_back: Option<String>,
}

/// What to watch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watch {
    /// The contact's name.
    pub device: String,
    /// `observeproperty` or `subscribeevent`.
    pub op: Operation,
    /// The Thing.
    pub thing: String,
    /// Its property or event.
    pub affordance: String,
    /// How long to wait for an answer, and how long to try again after a drop.
    pub timeout: Duration,
}

/// What a watcher learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub enum News {
    /// It has begun: what happens from now on arrives.
    Begun,
    /// A new value, or an event's data.
    Value {
        /// The value; `null` where an event has no data.
        value: Value,
    },
    /// So many were dropped because we were slow.
    Missed {
        /// How many.
        count: u64,
    },
    /// The connection is gone; what happens until `Resumed` will be missing.
    Lost {
        /// Why, as far as is known.
        why: String,
    },
    /// It goes on.
    Resumed {
        /// How long it was gone.
        away: Duration,
    },
    /// The device ended it.
    Ended {
        /// Why, in the device's word.
        why: String,
    },
}

/// How two meet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meeting {
    /// The link that was given.
    pub link: String,
    /// Whether it must be an invitation (`accept`) or a pairing (`pair`).
    pub invitation: bool,
    /// The name that the device is to have here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// Who was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// The name that the device has here.
    pub device: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// What we are to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// How the unlock process stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its process id.
    pub pid: u32,
    /// When it ends by itself, in seconds since 1970.
    pub until: i64,
    /// The devices that it is connected with.
    pub connected: Vec<String>,
}

/// One line of what comes back across the socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Ask::Call`].
    Answered(Answered),
    /// To [`Ask::Watch`]: one of many.
    News(News),
    /// To [`Ask::Meet`].
    Met(Met),
    /// To [`Ask::SignChange`] and [`Ask::Offer`]: what was signed.
    Text(String),
    /// To [`Ask::Status`].
    Standing(Standing),
    /// To [`Ask::Lock`].
    Locked,
    /// It went wrong.
    Failure(Failure),
}

/// Keeps `null` apart from absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_input_and_absent_is_none() {
        let mut call = Call {
            device: "d".into(),
            op: Operation::InvokeAction,
            thing: "t".into(),
            affordance: Some("a".into()),
            input: Some(Value::Null),
            timeout: Duration::from_secs(1),
            wait: true,
        };
        for input in [Some(Value::Null), None] {
            call.input = input.clone();
            let text = serde_json::to_string(&Ask::Call(call.clone())).unwrap();
            let Ask::Call(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            assert_eq!(back.input, input, "{text}");
        }
    }
}
