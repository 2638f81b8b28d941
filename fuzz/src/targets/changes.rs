//! Changes of rights: from a stranger, and signed with any content.

use streembit_keys::jws::{self, Typ};
use streembit_peer::rights::{ChangeHash, SignedChange, sign_change};

use crate::fixed::{DEVICE, PERSON, split};

const CHANGE: Typ = Typ::new("sb-acl");

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 3 {
        0 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            if let Ok(read) = SignedChange::parse(text) {
                let _ = read.verify(PERSON.public());
            }
        }
        1 => check(&jws::sign(&PERSON, CHANGE, rest)),
        // Any change in an honest place.
        _ => {
            let Ok(change) = serde_json::from_slice::<serde_json::Value>(rest) else { return };
            let payload = serde_json::json!({
                "iss": PERSON.public().thumbprint(), "aud": DEVICE.public().thumbprint(),
                "seq": 1, "prev": ChangeHash::FIRST, "change": change,
            });
            check(&jws::sign(&PERSON, CHANGE, payload.to_string().as_bytes()));
        }
    }
}

fn check(text: &str) {
    let Ok(read) = SignedChange::parse(text) else { return };
    let Ok(change) = read.verify(PERSON.public()) else { return };
    assert_eq!(change.iss(), PERSON.public().thumbprint());
    assert!(SignedChange::parse(text).is_ok_and(|read| read.verify(DEVICE.public()).is_err()));
    // What was read can be said again, and is the same.
    let again = sign_change(&PERSON, change.aud(), change.seq(), change.prev(), change.change().clone());
    let read = SignedChange::parse(again.jws()).unwrap().verify(PERSON.public()).unwrap();
    assert_eq!(read.change(), change.change());
}
