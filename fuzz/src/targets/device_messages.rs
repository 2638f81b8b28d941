//! What a person reads in a session: from a stranger, and from a device that signs nonsense.

use std::sync::LazyLock;

use streembit_keys::jws::{self, Typ};
use streembit_peer::message::FromDevice;
use streembit_peer::session::SessionPeers;

use crate::fixed::{self, DEVICE, split};

const RESPONSE: Typ = Typ::new("sb-res");
const NOTIFICATION: Typ = Typ::new("sb-ntf");

/// The person's view of one session.
static PEERS: LazyLock<SessionPeers> = LazyLock::new(|| fixed::session().0.peers);

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 4 {
        0 => assert!(FromDevice::authenticate(rest, &PEERS).is_err(), "nobody signed this"),
        1 => signed(RESPONSE, rest),
        2 => signed(NOTIFICATION, rest),
        // The members that any of the two must have, and more from the input.
        _ => {
            let Ok(serde_json::Value::Object(more)) = serde_json::from_slice(rest) else { return };
            let mut payload = serde_json::json!({
                "iss": DEVICE.public().thumbprint(), "aud": PEERS.local, "sid": PEERS.sid,
            });
            for (name, value) in more {
                payload[name] = value;
            }
            let payload = payload.to_string();
            signed(RESPONSE, payload.as_bytes());
            signed(NOTIFICATION, payload.as_bytes());
        }
    }
}

fn signed(kind: Typ, payload: &[u8]) {
    let message = jws::sign(&DEVICE, kind, payload);
    // What a device says is for the person to judge; reading it must only end, and agree with the kind.
    match FromDevice::authenticate(message.as_bytes(), &PEERS) {
        Ok(FromDevice::Response(_)) => assert_eq!(kind, RESPONSE),
        Ok(FromDevice::Notification(_)) => assert_eq!(kind, NOTIFICATION),
        Err(_) => {}
    }
}
