//! Sealed texts: only what was sealed, unchanged, for this key and this counter, opens.

use streembit_keys::jwe::{self, Direct};
use streembit_keys::jws::Typ;

use crate::fixed::{DEVICE, Numbers, PERSON, changed, split};

const KIND: Typ = Typ::new("sb-fuzz");

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    let direct = Direct::new([7; 32].into()).unwrap();
    match mode % 4 {
        // A stranger's texts.
        0 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                let _ = jwe::decrypt(&DEVICE, KIND, text);
            }
        }
        1 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                assert!(direct.open(0, text).is_err(), "nobody guesses the tag");
            }
        }
        // Our own, with one character changed.
        2 => {
            let [high, low, to, plain @ ..] = rest else { return };
            let sealed = jwe::encrypt_to(DEVICE.public(), KIND, plain, &mut Numbers(3)).unwrap();
            assert_eq!(jwe::decrypt(&DEVICE, KIND, &sealed).unwrap().as_slice(), plain);
            assert!(jwe::decrypt(&PERSON, KIND, &sealed).is_err());
            if let Some(text) = changed(&sealed, u16::from_be_bytes([*high, *low]), *to) {
                assert!(jwe::decrypt(&DEVICE, KIND, &text).is_err());
            }
        }
        _ => {
            let [high, low, to, plain @ ..] = rest else { return };
            let counter = u64::from(*to);
            let sealed = direct.seal(counter, plain).unwrap();
            assert_eq!(direct.open(counter, &sealed).unwrap(), plain);
            assert!(direct.open(counter + 1, &sealed).is_err());
            if let Some(text) = changed(&sealed, u16::from_be_bytes([*high, *low]), *to) {
                assert!(direct.open(counter, &text).is_err());
            }
        }
    }
}
