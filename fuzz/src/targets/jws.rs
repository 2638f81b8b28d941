//! Signed texts: whatever is read, only what the key has signed, as it was signed and as what it was signed, verifies.

use streembit_keys::jws::{self, Typ, Unverified};

use crate::fixed::{DEVICE, PERSON, changed, split};

const KIND: Typ = Typ::new("sb-fuzz");
const OTHER: Typ = Typ::new("sb-other");

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 3 {
        // A stranger's text.
        0 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            if let Ok(read) = Unverified::parse(text, KIND) {
                let claimed = read.claimed_payload().to_vec();
                if let Ok(payload) = read.verify(PERSON.public()) {
                    assert_eq!(claimed, payload);
                }
            }
        }
        // Our own text, with one character changed.
        1 => {
            let [high, low, to, payload @ ..] = rest else { return };
            let signed = jws::sign(&PERSON, KIND, payload);
            assert_eq!(jws::verify(&signed, KIND, PERSON.public()).unwrap(), payload);
            if let Some(text) = changed(&signed, u16::from_be_bytes([*high, *low]), *to) {
                assert!(jws::verify(&text, KIND, PERSON.public()).is_err());
            }
        }
        // Our own text, as something else or somebody else's.
        _ => {
            let signed = jws::sign(&PERSON, KIND, rest);
            assert!(jws::verify(&signed, OTHER, PERSON.public()).is_err());
            assert!(jws::verify(&signed, KIND, DEVICE.public()).is_err());
        }
    }
}
