use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};
use streembit_keys::rng;

use super::*;

const HINT: &str = "/ip4/192.168.1.10/tcp/7600/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";
const NOW: i64 = 1_795_000_000;

fn offer() -> (PrivateKey, Offer) {
    let key = PrivateKey::generate(&mut rng::system());
    let offer = Offer {
        account: "testuser01".parse().unwrap(),
        public_key: key.public().clone(),
        transport: "ws".parse().unwrap(),
        host: "www.streembit.org".parse().unwrap(),
        port: 32318,
        user_type: UserType::Human,
        hints: vec![HINT.parse().unwrap()],
        expires: Some(NOW),
    };
    (key, offer)
}

/// The fields of the whitepaper's example with this key in it, changed and signed.
fn foreign(key: &PrivateKey, change: impl FnOnce(&mut Value)) -> String {
    let mut fields = json!({
        "account": "testuser01",
        "public_key": key.public(),
        "transport": "ws",
        "port": 32318,
        "host": "www.streembit.org",
        "user_type": "human"
    });
    change(&mut fields);
    envelope::wrap(&jws::sign(key, OFFER, fields.to_string().as_bytes()))
}

#[test]
fn an_offer_arrives_as_it_was_made() {
    let (key, offer) = offer();
    let text = offer.sign(&key);
    assert!(text.starts_with("--- BEGIN STREEMBIT CONTACT OFFER ---\neyJ"), "{text}");
    assert!(text.ends_with("\n--- END STREEMBIT CONTACT OFFER ---\n"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 64));
    assert_eq!(Offer::parse(&text), Ok(offer));
}

#[test]
fn the_fields_are_the_whitepapers() {
    let (key, offer) = offer();
    let body = envelope::unwrap(&offer.sign(&key)).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(body.split('.').nth(1).unwrap()).unwrap();
    let fields: serde_json::Map<String, Value> = serde_json::from_slice(&payload).unwrap();
    for (name, value) in [
        ("account", json!("testuser01")),
        ("transport", json!("ws")),
        ("port", json!(32318)),
        ("host", json!("www.streembit.org")),
        ("user_type", json!("human")),
    ] {
        assert_eq!(fields.get(name), Some(&value), "{name}");
    }
    assert_eq!(fields.get("public_key"), Some(&serde_json::to_value(key.public()).unwrap()));
}

#[test]
fn what_mails_do_to_a_text_does_not_matter() {
    let (key, offer) = offer();
    let text = offer.sign(&key);
    let body = envelope::unwrap(&text).unwrap();
    let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
    for changed in [
        text.replace('\n', "\r\n"),
        text.replace("---", "--"),
        text.replace("---", "-----"),
        text.replace("---", "—"),
        text.replace("--- ", "---"),
        format!("Hello,\n\nhere it is:\n\n{text}\n-- \nAnna"),
        quoted,
        text.replace('\n', "\n  "),
        text.replace('\n', "\n\n"),
        body,
    ] {
        assert_eq!(Offer::parse(&changed).as_ref(), Ok(&offer), "{changed}");
    }
}

#[test]
fn what_is_not_whole_is_refused() {
    let (key, offer) = offer();
    let text = offer.sign(&key);
    let lines: Vec<&str> = text.lines().collect();
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines.join("\n")
    };
    assert_eq!(Offer::parse(&without(lines.len() - 1)), Err(OfferError::Envelope), "the last line");
    for at in 1..lines.len() - 1 {
        assert!(Offer::parse(&without(at)).is_err(), "line {at}");
    }
    for text in [
        "",
        "hello",
        "Dear Ada, see you on Monday.",
        "--- BEGIN STREEMBIT CONTACT OFFER ---",
        "--- BEGIN STREEMBIT CONTACT OFFER ---\n--- END STREEMBIT CONTACT OFFER ---",
    ] {
        assert_eq!(Offer::parse(text), Err(OfferError::Envelope), "{text:?}");
    }
    assert_eq!(Offer::parse(&"a".repeat(Offer::MAX_TEXT + 1)), Err(OfferError::TooLong));
}

#[test]
fn an_offer_of_the_first_programs_is_told_from_a_damaged_one() {
    let fields = json!({"account": "testuser01", "public_key": "45GnKeY77x", "user_type": "human"});
    let text = envelope::wrap(&STANDARD.encode(fields.to_string()));
    assert_eq!(Offer::parse(&text), Err(OfferError::Unsigned));
}

#[test]
fn nobody_can_offer_the_key_of_somebody_else() {
    let (key, _) = offer();
    let thief = PrivateKey::generate(&mut rng::system());
    let text = foreign(&thief, |fields| fields["public_key"] = serde_json::to_value(key.public()).unwrap());
    assert_eq!(Offer::parse(&text), Err(OfferError::Signature(JwsError::Signature)));
}

#[test]
fn a_signature_of_another_kind_is_no_offer() {
    let (key, _) = offer();
    let other = jws::sign(&key, Typ::new("sb-req"), b"{}");
    let error = Offer::parse(&envelope::wrap(&other)).unwrap_err();
    assert_eq!(error, OfferError::Signature(JwsError::Typ { expected: "sb-offer" }));
}

#[test]
fn keys_in_other_forms_and_ports_in_quotes_are_understood() {
    let (key, _) = offer();
    let point = key.public().to_sec1();
    let hex: String = point.iter().map(|byte| format!("{byte:02x}")).collect();
    let jwk: Value = serde_json::from_str(&key.public().to_jwk()).unwrap();
    for form in [json!(hex), json!(STANDARD.encode(point)), json!(jwk.to_string()), jwk] {
        let text = foreign(&key, |fields| {
            fields["public_key"] = form.clone();
            fields["port"] = json!("32318");
            fields["user_type"] = json!("machine");
            fields["something_else"] = json!([1, 2]);
            fields["hints"] = json!([HINT, "/dns4/example.org/wss", "nonsense"]);
        });
        let offer = Offer::parse(&text).unwrap();
        assert_eq!(&offer.public_key, key.public());
        assert_eq!((offer.port, offer.user_type, offer.hints.len()), (32318, UserType::Device, 1));
        assert_eq!(offer.expires, None);
    }
}

#[test]
fn hostile_fields_are_refused() {
    let (key, _) = offer();
    for (name, value) in [
        ("account", json!("\u{1b}[2J")),
        ("account", json!("x".repeat(65))),
        ("public_key", json!("45GnKeY77x")),
        ("public_key", json!(null)),
        ("port", json!(0)),
        ("port", json!(65536)),
        ("port", json!("many")),
        ("host", json!("a b")),
        ("host", json!("x".repeat(254))),
        ("host", json!("http://example.org/")),
        ("transport", json!("ws\n")),
        ("user_type", json!("alien")),
        ("exp", json!("never")),
    ] {
        let error = Offer::parse(&foreign(&key, |fields| fields[name] = value.clone())).unwrap_err();
        assert!(matches!(error, OfferError::Field(_)), "{name} {value}: {error}");
    }
    let error = Offer::parse(&foreign(&key, |fields| {
        fields.as_object_mut().unwrap().remove("public_key");
    }));
    assert!(matches!(error, Err(OfferError::Field(_))));
}

#[test]
fn an_offer_with_an_end_needs_a_clock_that_is_trusted() {
    let (_, offer) = offer();
    assert_eq!(offer.check_time(Some(NOW - 1)), Ok(()));
    assert_eq!(offer.check_time(Some(NOW)), Err(OfferTimeError::Expired));
    assert_eq!(offer.check_time(None), Err(OfferTimeError::Clock));
    let endless = Offer { expires: None, ..offer };
    assert_eq!(endless.check_time(None), Ok(()));
}

#[test]
fn the_largest_offer_is_within_its_limit() {
    let (key, mut offer) = offer();
    offer.host = "h".repeat(253).parse().unwrap();
    offer.hints = vec![HINT.parse().unwrap(); 100];
    let text = offer.sign(&key);
    assert!(text.len() < Offer::MAX_TEXT / 2, "{}", text.len());
    assert_eq!(Offer::parse(&text).unwrap().hints.len(), Offer::MAX_HINTS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,300}") {
        prop_assert!(Offer::parse(&text).is_err());
        let enveloped = envelope::wrap(&text);
        prop_assert!(Offer::parse(&enveloped).is_err());
    }

    #[test]
    fn one_changed_character_is_noticed(at: prop::sample::Index, to in "[A-Za-z0-9]") {
        let (key, offer) = offer();
        let body = envelope::unwrap(&offer.sign(&key)).unwrap();
        let at = at.index(body.len());
        prop_assume!(body[at..=at] != to);
        let changed = format!("{}{to}{}", &body[..at], &body[at + 1..]);
        prop_assert!(Offer::parse(&changed).is_err());
    }
}
