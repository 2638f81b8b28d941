use super::*;

fn answers() -> Vec<Answer> {
    let problem = Problem {
        pointer: Some("/position".into()),
        ..Problem::because(ProblemCode::InvalidInput, "above 1")
    };
    vec![
        Answer::Ok(Value::Null),
        Answer::Ok(json!({"state": "open"})),
        Answer::Pending(ActionId::from_bytes([3; 16])),
        Answer::Problem(Problem::new(ProblemCode::Refused)),
        Answer::Problem(problem),
    ]
}

/// What an answer says that nothing follows.
fn response(pair: &Pair, plaintext: &str) -> Option<Response> {
    match FromDevice::authenticate(plaintext.as_bytes(), &pair.at_person) {
        Ok(FromDevice::Response(response)) => Some(response),
        _ => None,
    }
}

fn notification() -> Notification {
    Notification {
        sub: RequestHash::from_bytes([5; 32]),
        n: 1,
        thing: "garage".parse().unwrap(),
        affordance: "state".parse().unwrap(),
        kind: NotificationKind::Property,
        value: Some(json!("open")),
        problem: None,
        missed: 0,
        end: None,
    }
}

#[test]
fn an_answer_arrives_as_it_was_meant() {
    let pair = Pair::new();
    let re = RequestHash::from_bytes([1; 32]);
    let receipt = Receipt { seq: 7, head: JournalHead::from_bytes([2; 32]) };
    for receipt in [None, Some(receipt)] {
        for answer in answers() {
            let signed = Response::sign(&pair.device, &pair.at_device, re, &answer, receipt).unwrap();
            assert!(signed.follows.is_none());
            let arrived = response(&pair, &signed.plaintext).unwrap();
            assert_eq!(arrived, Response { re, result: answer, receipt });
        }
    }
}

#[test]
fn answers_look_as_documented() {
    let json = |answer: &Answer| serde_json::to_value(answer).unwrap();
    assert_eq!(json(&Answer::Ok(Value::Null)), json!({"ok": null}));
    assert_eq!(json(&Answer::Pending(ActionId::from_bytes([0; 16]))), json!({"pending": "A".repeat(22)}));
    let refused = Answer::Problem(Problem::new(ProblemCode::Refused));
    assert_eq!(json(&refused), json!({"problem": {"code": "refused"}}));
    let outcome = Answer::Problem(Problem::new(ProblemCode::OutcomeUnknown));
    assert_eq!(json(&outcome), json!({"problem": {"code": "outcome-unknown"}}));
}

#[test]
fn news_arrive_as_they_were_meant() {
    let pair = Pair::new();
    let variants = [
        notification(),
        Notification { value: Some(Value::Null), missed: 3, ..notification() },
        Notification { value: None, kind: NotificationKind::Event, n: u64::MAX, ..notification() },
        Notification { value: None, end: Some(End::Revoked), ..notification() },
        Notification {
            kind: NotificationKind::Action,
            value: None,
            problem: Some(Problem::new(ProblemCode::Failed)),
            end: Some(End::Done),
            ..notification()
        },
    ];
    for notification in variants {
        let sealed = notification.sign(&pair.device, &pair.at_device).unwrap();
        let arrived = Notification::authenticate(sealed.as_bytes(), &pair.at_person).unwrap();
        assert_eq!(arrived, notification);
        assert!(matches!(
            FromDevice::authenticate(sealed.as_bytes(), &pair.at_person),
            Ok(FromDevice::Notification(_))
        ));
    }
}

#[test]
fn what_a_device_says_counts_in_its_session_only() {
    let pair = Pair::new();
    let other = Pair::new();
    let re = RequestHash::from_bytes([1; 32]);
    let answer = Response::sign(&pair.device, &pair.at_device, re, &Answer::Ok(Value::Null), None).unwrap();
    let news = notification().sign(&pair.device, &pair.at_device).unwrap();
    let farewell = Farewell::NoRoom.sign(&pair.device, &pair.at_device);
    let read = FromDevice::authenticate(farewell.as_bytes(), &pair.at_person);
    assert!(matches!(read, Ok(FromDevice::Farewell(Farewell::NoRoom))), "{read:?}");
    for message in [answer.plaintext, news, farewell] {
        let check = |peers: SessionPeers| FromDevice::authenticate(message.as_bytes(), &peers).unwrap_err();
        let here = &pair.at_person;
        assert_eq!(
            check(SessionPeers { sid: other.at_person.sid, ..here.clone() }),
            MessageError::Elsewhere("sid")
        );
        assert_eq!(
            check(SessionPeers { local: other.at_person.local, ..here.clone() }),
            MessageError::Elsewhere("aud")
        );
        assert_eq!(
            check(SessionPeers { remote: other.at_person.remote.clone(), ..here.clone() }),
            MessageError::Jws(JwsError::Signature)
        );
    }
}

#[test]
fn what_is_too_large_is_not_signed() {
    let pair = Pair::new();
    let re = RequestHash::from_bytes([1; 32]);
    let sign = |value: Value| Response::sign(&pair.device, &pair.at_device, re, &Answer::Ok(value), None);
    let largest = sign(Value::String("x".repeat(MAX_VALUE - 2))).unwrap();
    assert!(response(&pair, &largest.plaintext).is_some() && largest.follows.is_none());
    let longest = sign(Value::String("x".repeat(MAX_LONG_VALUE - 2))).unwrap();
    assert_eq!(longest.follows.unwrap().length(), MAX_LONG_VALUE);
    let too_long = sign(Value::String("x".repeat(MAX_LONG_VALUE - 1))).unwrap_err();
    assert_eq!(too_long, json::JsonError::TooLong { max: MAX_LONG_VALUE });
    let too_many = sign(vec![0; MAX_LONG_PARTS].into()).unwrap_err();
    assert_eq!(too_many, json::JsonError::TooMany);
    assert!(sign(vec![0; MAX_LONG_PARTS - 1].into()).is_ok());
    let mut deep = json!(1);
    for _ in 0..MAX_DEPTH {
        deep = json!([deep]);
    }
    let arrived = sign(deep.clone()).unwrap();
    assert!(response(&pair, &arrived.plaintext).is_some());
    assert_eq!(sign(json!([deep])).unwrap_err(), json::JsonError::TooDeep);
    assert_eq!(sign(json!([deep, "x".repeat(MAX_VALUE)])).unwrap_err(), json::JsonError::TooDeep);
}

#[test]
fn news_are_short() {
    let pair = Pair::new();
    let sign = |length| {
        let value = Some(Value::String("x".repeat(length)));
        Notification { value, ..notification() }.sign(&pair.device, &pair.at_device)
    };
    let longest = sign(MAX_VALUE - 2).unwrap();
    assert!(FromDevice::authenticate(longest.as_bytes(), &pair.at_person).is_ok());
    assert_eq!(sign(MAX_PAYLOAD), Err(json::JsonError::TooLong { max: MAX_VALUE }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        // A chunk is bare bytes, and belongs to an announcement or to nothing; all else must be signed.
        let read = FromDevice::authenticate(&bytes, &Pair::new().at_person);
        prop_assert!(matches!(read, Err(_) | Ok(FromDevice::Chunk(_))));
    }

    #[test]
    fn a_devices_arbitrary_payload_never_panics(text in ".{0,200}") {
        let pair = Pair::new();
        for typ in ["sb-res", "sb-ntf"] {
            let message = jws::sign(&pair.device, Typ::new(typ), text.as_bytes());
            prop_assert!(FromDevice::authenticate(message.as_bytes(), &pair.at_person).is_err());
        }
    }
}
