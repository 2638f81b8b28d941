//! Contact offers: text of any kind, and offers whose payload is any JSON that their own key has signed.

use streembit_keys::jws::{self, Typ};
use streembit_peer::offer::Offer;

use crate::fixed::{PERSON, changed, split};

const OFFER: Typ = Typ::new("sb-offer");

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match mode % 3 {
        0 => check(text),
        1 => check(&enveloped(text.as_bytes())),
        // Members of the input over those of an honest offer, and one character of the result changed.
        _ => {
            let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text) else { return };
            let mut payload = serde_json::json!({
                "account": "Anna", "public_key": PERSON.public(), "transport": "tcp", "host": "192.0.2.7",
                "port": 7600, "user_type": "human",
            });
            for (name, value) in members {
                payload[name] = value;
            }
            let offer = enveloped(payload.to_string().as_bytes());
            check(&offer);
            if let Some(damaged) = changed(&offer, u16::from(mode) * 7, b'A') {
                check(&damaged);
            }
        }
    }
}

fn enveloped(payload: &[u8]) -> String {
    let signed = jws::sign(&PERSON, OFFER, payload);
    format!("--- BEGIN STREEMBIT CONTACT OFFER ---\n{signed}\n--- END STREEMBIT CONTACT OFFER ---\n")
}

fn check(text: &str) {
    let Ok(offer) = Offer::parse(text) else { return };
    assert!(offer.hints.len() <= Offer::MAX_HINTS);
    // Nobody but the holder of the one key here can have signed an offer.
    assert_eq!(&offer.public_key, PERSON.public());
    let again = offer.sign(&PERSON);
    assert_eq!(Offer::parse(&again).expect("what was read can be written"), offer);
}
