use super::*;

/// What is answered to a request that its caller has signed and that cannot be taken up.
fn answered(error: &MessageError) -> Option<ProblemCode> {
    error.answer().map(|(_, code)| code)
}

#[test]
fn a_request_arrives_as_it_was_meant() {
    let pair = Pair::new();
    let input = json!({"position": 0.5, "pin": "1234"});
    let call = call(Operation::InvokeAction, Some("open"), Some(&input));
    let signed = pair.sign(&call);
    let request = pair.authenticate(signed.plaintext.clone()).unwrap();
    assert_eq!(request.caller, pair.person.public().thumbprint());
    assert_eq!((request.id, request.op), (call.id(), Operation::InvokeAction));
    assert_eq!((request.thing.as_str(), request.affordance.as_deref()), ("garage", Some("open")));
    assert_eq!(request.input, Some(input));
    assert_eq!((request.iat, request.exp), (NOW, NOW + 30));
    assert_eq!(request.hash(), signed.hash);
}

#[test]
fn no_input_and_null_are_two_things() {
    let pair = Pair::new();
    let nothing = pair.sign(&call(Operation::InvokeAction, Some("open"), None));
    assert!(!nothing.plaintext.contains('~'), "a bare JWS");
    assert_eq!(pair.authenticate(nothing.plaintext).unwrap().input, None);
    let null = pair.sign(&call(Operation::WriteProperty, Some("state"), Some(&Value::Null)));
    assert_eq!(pair.authenticate(null.plaintext).unwrap().input, Some(Value::Null));
}

#[test]
fn what_the_journal_keeps_does_not_hold_the_input_and_still_verifies() {
    let pair = Pair::new();
    let input = json!("a very secret pin");
    let one = pair.sign(&call(Operation::InvokeAction, Some("open"), Some(&input)));
    let two = pair.sign(&call(Operation::InvokeAction, Some("open"), Some(&input)));
    let request = pair.authenticate(one.plaintext).unwrap();
    let kept = payload(request.jws());
    assert!(jws::verify(request.jws(), Typ::new("sb-req"), pair.person.public()).is_ok());
    assert!(!kept.to_string().contains("secret") && kept.get("input").is_none());
    assert_ne!(kept["_sd"], payload(two.plaintext.split('~').next().unwrap())["_sd"], "salted");
}

#[test]
fn the_same_call_in_a_later_session_has_the_same_content() {
    let pair = Pair::new();
    let sid = Sid::from_bytes([9; 32]);
    let later = Pair {
        person: pair.person.clone(),
        device: pair.device.clone(),
        at_person: SessionPeers { sid, ..pair.at_person.clone() },
        at_device: SessionPeers { sid, ..pair.at_device.clone() },
    };

    let wanted = call(Operation::InvokeAction, Some("open"), Some(&json!(1)));
    let first = pair.authenticate(pair.sign(&wanted).plaintext).unwrap();
    let again = later.authenticate(later.sign(&wanted).plaintext).unwrap();
    assert_eq!((first.id, first.content_hash()), (again.id, again.content_hash()));
    assert_ne!(first.hash(), again.hash());
    for other in [
        call(Operation::InvokeAction, Some("open"), Some(&json!(2))),
        call(Operation::InvokeAction, Some("open"), None),
        call(Operation::InvokeAction, Some("close"), Some(&json!(1))),
        call(Operation::WriteProperty, Some("open"), Some(&json!(1))),
    ] {
        let other = pair.authenticate(pair.sign(&other).plaintext).unwrap();
        assert_ne!(other.content_hash(), first.content_hash());
    }
}

#[test]
fn a_request_counts_in_its_session_only() {
    let pair = Pair::new();
    let other = Pair::new();
    let signed = pair.sign(&call(Operation::ReadProperty, Some("state"), None));
    let elsewhere = |peers: SessionPeers| {
        Request::authenticate(signed.plaintext.clone().into_bytes(), &peers, NOW).unwrap_err()
    };
    let here = &pair.at_device;
    assert_eq!(
        elsewhere(SessionPeers { sid: other.at_device.sid, ..here.clone() }),
        MessageError::Elsewhere("sid")
    );
    assert_eq!(
        elsewhere(SessionPeers { local: other.at_device.local, ..here.clone() }),
        MessageError::Elsewhere("aud")
    );
    assert_eq!(
        elsewhere(SessionPeers { remote: other.at_device.remote.clone(), ..here.clone() }),
        MessageError::Jws(JwsError::Signature)
    );
    // Signed by the session's other side, in somebody else's name.
    let mut forged = payload(&signed.plaintext);
    forged["iss"] = other.person.public().thumbprint().to_string().into();
    let forged = jws::sign(&pair.person, Typ::new("sb-req"), forged.to_string().as_bytes());
    assert_eq!(pair.authenticate(forged).unwrap_err(), MessageError::Elsewhere("iss"));
    for error in [MessageError::Elsewhere("sid"), MessageError::Jws(JwsError::Signature)] {
        assert_eq!(answered(&error), None, "no answer: the session ends");
    }
}

#[test]
fn the_input_must_be_the_one_that_was_signed() {
    let pair = Pair::new();
    let signed = pair.sign(&call(Operation::WriteProperty, Some("state"), Some(&json!(true))));
    let other = pair.sign(&call(Operation::WriteProperty, Some("state"), Some(&json!(false))));
    let (jws, _) = signed.plaintext.split_once('~').unwrap();
    let (_, disclosure) = other.plaintext.split_once('~').unwrap();
    for swapped in [format!("{jws}~{disclosure}"), jws.to_owned(), format!("{jws}~~")] {
        let error = pair.authenticate(swapped).unwrap_err();
        assert_eq!(answered(&error), Some(ProblemCode::InvalidInput));
    }
    // An input that was never signed.
    let bare = pair.sign(&call(Operation::InvokeAction, Some("open"), None)).plaintext;
    let error = pair.authenticate(format!("{bare}~{disclosure}")).unwrap_err();
    assert_eq!(answered(&error), Some(ProblemCode::InvalidInput));
    for malformed in [format!("{jws}~"), format!("{jws}~a"), format!("{jws}~a~b~")] {
        assert!(matches!(pair.authenticate(malformed), Err(MessageError::Malformed(_))));
    }
}

/// A request with this payload and disclosure, signed by the person.
fn signed_payload(pair: &Pair, change: impl FnOnce(&mut Value), disclosure: Option<&str>) -> String {
    let signed = pair.sign(&call(Operation::InvokeAction, Some("open"), None));
    let mut payload = payload(&signed.plaintext);
    change(&mut payload);
    let jws = jws::sign(&pair.person, Typ::new("sb-req"), payload.to_string().as_bytes());
    disclosure.map_or(jws.clone(), |disclosure| format!("{jws}~{disclosure}~"))
}

#[test]
fn a_disclosure_is_a_salt_the_word_input_and_a_value() {
    use base64::Engine as _;
    let pair = Pair::new();
    let send = |content: &str| {
        let disclosure = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(content);
        let digest = disclosure::Digest::of(&disclosure);
        let message = signed_payload(&pair, |payload| payload["_sd"] = json!([digest]), Some(&disclosure));
        pair.authenticate(message).map(|request| request.input)
    };
    assert_eq!(send(r#"["salt", "input", {"a": 1}]"#), Ok(Some(json!({"a": 1}))));
    let deep = format!(r#"["salt","input",{}{}]"#, "[".repeat(33), "]".repeat(33));
    let long = format!(r#"["salt","input","{}"]"#, "x".repeat(MAX_VALUE));
    let salty = format!(r#"["{}","input",1]"#, "x".repeat(1000));
    for content in [
        "",
        "1",
        "[]",
        r#"["salt","input"]"#,
        r#"["salt","output",1]"#,
        r#"["salt","input",1,2]"#,
        &deep,
        &long,
        &salty,
    ] {
        let error = send(content).unwrap_err();
        assert_eq!(answered(&error), Some(ProblemCode::InvalidInput), "{content:.40}");
    }
}

#[test]
fn impossible_requests_are_answered() {
    let pair = Pair::new();
    let refused = |change: fn(&mut Value)| {
        answered(&pair.authenticate(signed_payload(&pair, change, None)).unwrap_err())
    };
    // A name that cannot be one is unknown, and unknown looks like forbidden.
    assert_eq!(refused(|p| p["thing"] = "../etc".into()), Some(ProblemCode::Refused));
    assert_eq!(refused(|p| p["affordance"] = "x".repeat(65).into()), Some(ProblemCode::Refused));
    assert_eq!(refused(|p| p["op"] = "readallproperties".into()), Some(ProblemCode::InvalidInput));
    assert_eq!(
        refused(|p| {
            p.as_object_mut().unwrap().remove("affordance");
        }),
        Some(ProblemCode::InvalidInput)
    );
    // What is no request of ours at all is not.
    assert_eq!(refused(|p| p["op"] = "readeverything".into()), None);
    assert_eq!(refused(|p| p["extra"] = 1.into()), None);
    assert_eq!(refused(|p| p["jti"] = "short".into()), None);
    assert_eq!(refused(|p| p["exp"] = "soon".into()), None);
}

#[test]
fn all_properties_are_read_without_an_affordance() {
    let pair = Pair::new();
    let signed = pair.sign(&call(Operation::ReadAllProperties, None, None));
    assert_eq!(pair.authenticate(signed.plaintext).unwrap().affordance, None);
}

#[test]
fn a_message_of_another_kind_is_no_request() {
    let pair = Pair::new();
    let signed = pair.sign(&call(Operation::ReadProperty, Some("state"), None));
    for typ in ["sb-res", "sb-ntf", "sb-hs3", "sb-acl"] {
        let other = jws::sign(&pair.person, Typ::new(typ), payload(&signed.plaintext).to_string().as_bytes());
        let error = pair.authenticate(other).unwrap_err();
        assert_eq!(error, MessageError::Jws(JwsError::Typ { expected: "sb-req" }));
    }
    assert_eq!(
        pair.authenticate(vec![b'a'; MAX_MESSAGE + 1]).unwrap_err(),
        MessageError::TooLong(MAX_MESSAGE + 1)
    );
    assert_eq!(pair.authenticate([0xff, 0xfe]).unwrap_err(), MessageError::NotText);
}

#[test]
fn the_largest_input_goes_through_every_layer() {
    let pair = Pair::new();
    let input = Value::String("x".repeat(MAX_VALUE - 2));
    let signed = pair.sign(&call(Operation::WriteProperty, Some("state"), Some(&input)));
    assert!(signed.plaintext.len() * 4 / 3 + 100 < crate::wire::MAX_FRAME);
    assert_eq!(pair.authenticate(signed.plaintext).unwrap().input, Some(input));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_flipped_bit_is_noticed(at: prop::sample::Index, bit in 0u8..8) {
        let pair = Pair::new();
        let signed = pair.sign(&call(Operation::InvokeAction, Some("open"), Some(&json!({"pin": "1234"}))));
        let mut bytes = signed.plaintext.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(pair.authenticate(bytes).is_err());
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}", disclosure in ".{0,200}") {
        let pair = Pair::new();
        prop_assert!(pair.authenticate(text.clone()).is_err());
        let signed = pair.sign(&call(Operation::InvokeAction, Some("open"), Some(&json!(1))));
        let (jws, _) = signed.plaintext.split_once('~').unwrap();
        let swapped = format!("{jws}~{disclosure}~");
        prop_assert!(pair.authenticate(swapped).is_err());
        let _ = disclosure::read(&disclosure);
    }

    #[test]
    fn any_value_survives(text in ".{0,50}", number: i64, eighths: i32) {
        let pair = Pair::new();
        let input = json!({text.clone(): [number, f64::from(eighths) / 8.0, {"deep": text}]});
        let signed = pair.sign(&call(Operation::WriteProperty, Some("state"), Some(&input)));
        prop_assert_eq!(pair.authenticate(signed.plaintext).unwrap().input, Some(input));
    }
}
