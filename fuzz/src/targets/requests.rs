//! What a device reads in a session: from a stranger, and from a contact who signs nonsense.

use std::sync::LazyLock;

use streembit_keys::jws::{self, Typ};
use streembit_peer::message::{MAX_DEPTH, MAX_VALIDITY, Request, json};
use streembit_peer::session::SessionPeers;

use crate::fixed::{self, NOW, PERSON, split};

const REQUEST: Typ = Typ::new("sb-req");

/// The device's view of one session.
static PEERS: LazyLock<SessionPeers> = LazyLock::new(|| fixed::session().1.peers);

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 3 {
        0 => {
            let read = Request::authenticate(rest.to_vec(), &PEERS, NOW);
            assert!(read.is_err(), "nobody signed this");
        }
        // A signed payload of any content, and a disclosure of any text.
        1 => {
            let mut parts = rest.splitn(2, |byte| *byte == b'~');
            let payload = parts.next().unwrap_or_default();
            let mut plaintext = jws::sign(&PERSON, REQUEST, payload).into_bytes();
            if let Some(disclosure) = parts.next() {
                plaintext.push(b'~');
                plaintext.extend_from_slice(disclosure);
                plaintext.push(b'~');
            }
            check(plaintext);
        }
        // The honest members, and JSON of any kind in the place of one of them.
        _ => {
            let Some((member, text)) = rest.split_first() else { return };
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return };
            let mut payload = serde_json::json!({
                "iss": PERSON.public().thumbprint(), "aud": PEERS.local, "sid": PEERS.sid,
                "iat": NOW, "exp": NOW + 60, "jti": "AAAAAAAAAAAAAAAAAAAAAA",
                "op": "readproperty", "thing": "garage", "affordance": "state",
            });
            let names =
                ["iss", "aud", "sid", "iat", "exp", "jti", "op", "thing", "affordance", "_sd", "more"];
            payload[names[usize::from(*member) % names.len()]] = value;
            check(jws::sign(&PERSON, REQUEST, payload.to_string().as_bytes()).into_bytes());
        }
    }
}

fn check(plaintext: Vec<u8>) {
    let Ok(request) = Request::authenticate(plaintext.clone(), &PEERS, NOW) else { return };
    assert_eq!(request.caller, PEERS.remote.thumbprint());
    assert!(plaintext.starts_with(request.jws().as_bytes()));
    assert!((NOW..=NOW + MAX_VALIDITY + 60).contains(&request.exp));
    assert_eq!(request.op.names_an_affordance(), request.affordance.is_some());
    for name in std::iter::once(&request.thing).chain(&request.affordance) {
        assert!(
            (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
        );
    }
    if let Some(input) = &request.input {
        assert!(json::depth_within(input.to_string().as_bytes(), MAX_DEPTH));
    }
}
