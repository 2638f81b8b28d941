//! Who sends something else than requests of his own session gets an end of it, and the door stays shut.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use streembit_agent::clock::VirtualTime;
use streembit_agent::command::MAX_SESSIONS_OF_A_CONTACT;
use streembit_agent::session::{Limits, Rate};
use streembit_keys::jws;
use streembit_peer::message::{
    Answer, MAX_LONG_VALUE, MAX_MESSAGE, MAX_OUTSTANDING, Operation as O, ProblemCode,
};
use streembit_peer::rights::Role;
use streembit_peer::session::Remote;
use streembit_peer::wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::house::{Ask, ByHand, House, NOON, code, new_key, result_of, sign_as, until};
use super::stand_in::StandIn;

#[tokio::test]
async fn forbidden_and_unknown_are_the_same_bytes() {
    let house = House::new().await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let mut viewer = house.enter_by_hand(&key).await;
    let mut answers = Vec::new();
    for (op, thing, affordance) in [
        (O::InvokeAction, "door", "open"),
        (O::InvokeAction, "door", "nothing"),
        (O::InvokeAction, "nothing", "open"),
        (O::WriteProperty, "door", "speed"),
        (O::WriteProperty, "door", "state"),
        (O::ReadProperty, "door", "nothing"),
        (O::ReadProperty, "door", "pin"),
        (O::ReadProperty, "door", "open"),
        (O::ReadProperty, "nothing", "state"),
        (O::ReadProperty, "not/a/name", "state"),
        (O::ReadProperty, "door", ""),
        (O::ReadAllProperties, "nothing", ""),
        (O::SubscribeEvent, "nothing", "bell"),
        (O::InvokeAction, "device", "changeRights"),
        (O::InvokeAction, "device", "nothing"),
        (O::InvokeAction, "device", "pair"),
        (O::QueryAction, "door", "open"),
    ] {
        let request = viewer.request(op, thing, affordance);
        let payload = viewer.exchange(&request).await.unwrap();
        answers.push(result_of(&payload).to_owned());
    }
    answers.dedup();
    assert_eq!(answers, [r#""result":{"problem":{"code":"refused"}}}"#]);
}

/// Sends one plaintext and expects the session to end without a word.
async fn ends(mut caller: ByHand, plaintext: &str) {
    caller.send(plaintext).await;
    assert_eq!(caller.receive().await, None, "{plaintext}");
}

#[tokio::test]
async fn what_is_not_signed_by_the_sessions_other_side_for_this_session_ends_it() {
    let house = House::new().await;
    let enter = || house.enter_by_hand(&house.owner);
    let other = enter().await;

    let caller = enter().await;
    let forged = sign_as(&new_key(), &caller.request(O::InvokeAction, "door", "open"));
    ends(caller, &forged).await;

    let caller = enter().await;
    let of_another_session = caller.sign(&other.request(O::InvokeAction, "door", "open"));
    ends(caller, &of_another_session).await;

    for (member, value) in [
        ("aud", json!(new_key().public().thumbprint())),
        ("iss", json!(new_key().public().thumbprint())),
        ("sid", json!("AAAA")),
        ("op", json!("openthedoor")),
        ("jti", json!(7)),
        ("more", json!(1)),
    ] {
        let caller = enter().await;
        let mut request = caller.request(O::InvokeAction, "door", "open");
        request[member] = value;
        let wrong = caller.sign(&request);
        ends(caller, &wrong).await;
    }

    let caller = enter().await;
    let request = serde_json::to_vec(&caller.request(O::InvokeAction, "door", "open")).unwrap();
    let other_kind = jws::sign(&caller.key, jws::Typ::new("sb-res"), &request);
    ends(caller, &other_kind).await;

    for garbage in ["", "x", "a.b.c", "~", "a.b.c~d~e~", "\u{0}", &"x".repeat(MAX_MESSAGE + 1)] {
        ends(enter().await, garbage).await;
    }
    assert_eq!(house.door.moved(), 0);
    until("only the first is left", || house.device.callers().count() == 1).await;
}

#[tokio::test]
async fn a_frame_that_is_repeated_left_out_or_changed_ends_the_session() {
    let house = House::new().await;

    let mut caller = house.enter_by_hand(&house.owner).await;
    let request = caller.sign(&caller.request(O::ReadProperty, "door", "state"));
    let frame = caller.established.sealer.seal(request.as_bytes()).unwrap();
    caller.send_frame(frame.as_bytes()).await;
    assert!(caller.receive().await.is_some());
    caller.send_frame(frame.as_bytes()).await;
    assert_eq!(caller.receive().await, None, "repeated");

    let mut caller = house.enter_by_hand(&house.owner).await;
    let request = caller.sign(&caller.request(O::InvokeAction, "door", "open"));
    caller.established.sealer.seal(request.as_bytes()).unwrap();
    caller.send(&request).await;
    assert_eq!(caller.receive().await, None, "one was left out");

    let mut caller = house.enter_by_hand(&house.owner).await;
    let request = caller.sign(&caller.request(O::InvokeAction, "door", "open"));
    let mut frame = caller.established.sealer.seal(request.as_bytes()).unwrap().into_bytes();
    let last = frame.len() - 30;
    frame[last] ^= 1;
    caller.send_frame(&frame).await;
    assert_eq!(caller.receive().await, None, "one bit");

    let mut caller = house.enter_by_hand(&house.owner).await;
    caller.stream.write_all(&10_000_000u32.to_be_bytes()).await.unwrap();
    assert_eq!(caller.receive().await, None, "a frame of 10 MB");
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test]
async fn what_is_the_callers_own_mistake_gets_an_answer_and_the_session_goes_on() {
    let house = House::new().await;
    let mut caller = house.enter_by_hand(&house.owner).await;
    for (iat, exp, code) in [
        (NOON - 600, NOON - 300, "expired"),
        (NOON, NOON + 301, "expired"),
        (NOON, NOON + 100_000, "expired"),
        (NOON, NOON - 1, "expired"),
    ] {
        let mut request = caller.request(O::InvokeAction, "door", "open");
        (request["iat"], request["exp"]) = (json!(iat), json!(exp));
        let answer = caller.exchange(&request).await.unwrap();
        assert!(answer.contains(code), "{answer}");
    }
    let mut request = caller.request(O::InvokeAction, "door", "open");
    request["_sd"] = json!(["A".repeat(43)]);
    assert!(caller.exchange(&request).await.unwrap().contains("invalid-input"), "the disclosure is missing");
    let request = caller.request(O::ReadProperty, "door", "state");
    assert!(caller.exchange(&request).await.unwrap().contains("closed"));
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test]
async fn a_request_expires_by_its_callers_clock_while_the_session_lasts() {
    let house = House::new().await;
    let mut caller = house.enter_by_hand(&house.owner).await;
    // An answer shows that the device has seen the end of the handshake, from which it counts.
    let request = caller.request(O::ReadProperty, "door", "state");
    caller.exchange(&request).await.unwrap();
    let request = caller.request(O::InvokeAction, "door", "open");
    house.time.pass(Duration::from_secs(61));
    assert!(caller.exchange(&request).await.unwrap().contains("expired"));
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test]
async fn more_than_may_be_outstanding_are_busy_and_the_others_are_answered() {
    let house = House::new().await;
    let hold = Arc::new(Notify::new());
    house.door.behaviour.lock().unwrap().hold = Some(Arc::clone(&hold));
    let mut caller = house.enter_by_hand(&house.owner).await;
    for _ in 0..MAX_OUTSTANDING + 3 {
        let request = caller.sign(&caller.request(O::ReadProperty, "door", "state"));
        caller.send(&request).await;
    }
    for _ in 0..3 {
        assert!(caller.receive().await.unwrap().contains(r#""code":"busy""#));
    }
    house.door.behaviour.lock().unwrap().hold = None;
    hold.notify_waiters();
    for _ in 0..MAX_OUTSTANDING {
        assert!(caller.receive().await.unwrap().contains("closed"));
    }
}

#[tokio::test]
async fn nobody_else_hears_a_word() {
    let house = House::new().await;
    let silent = async |bytes: Vec<u8>| {
        let (mut stream, served) = house.dial("somebody");
        // The device may hang up before it has read everything.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"");
        served.await.unwrap().unwrap_err();
    };
    silent(vec![]).await;
    silent(b"GET / HTTP/1.1\r\n\r\n".to_vec()).await;
    silent(vec![0xff; 10_000]).await;
    let mut framed = Vec::new();
    wire::append_frame(&mut framed, b"{\"v\":1}").unwrap();
    silent(framed).await;
    assert!(house.try_enter(&new_key(), house.known()).await.is_none(), "a stranger");
    let stranger =
        house.try_enter(&new_key(), Remote::Pairing(house.device.key().public().thumbprint())).await;
    assert!(stranger.is_none(), "no pairing is open");
    assert_eq!(house.device.callers().count(), 0);
}

#[tokio::test]
async fn sessions_are_bounded_by_contact() {
    let house = House::new().await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let mut sessions = Vec::new();
    for _ in 0..MAX_SESSIONS_OF_A_CONTACT {
        sessions.push(house.enter(&key).await);
    }
    let more = house.enter(&key).await;
    more.closed().await;
    house.enter(&house.owner).await.ask(O::ReadProperty, "door", "state", None).await;
    sessions.pop().unwrap().close();
    until("one has left", || house.device.callers().count() < MAX_SESSIONS_OF_A_CONTACT + 1).await;
    house.enter(&key).await.ask(O::ReadProperty, "door", "state", None).await;
}

#[tokio::test]
async fn who_dials_too_often_is_not_answered() {
    let limits = Limits { handshakes_of_a_source: Rate { a_second: 1.0, burst: 2.0 }, ..Limits::default() };
    let house = House::build(VirtualTime::new(NOON, true), limits);
    house.claim().await;
    let other = house.admit(Role::Viewer, vec![]).await;
    for _ in 0..2 {
        assert!(house.try_enter(&house.owner, house.known()).await.is_some());
    }
    assert!(house.try_enter(&house.owner, house.known()).await.is_none());
    assert!(house.try_enter(&other, house.known()).await.is_some(), "another source is not held up");
    house.time.pass(Duration::from_secs(1));
    assert!(house.try_enter(&house.owner, house.known()).await.is_some());
}

#[tokio::test]
async fn an_answer_that_is_longer_than_any_may_be_is_a_failure() {
    let house = House::new().await;
    let big = StandIn::with_model(
        r#"{"@context":"https://www.w3.org/2022/wot/td/v1.1","@type":"tm:ThingModel","title":"Big",
        "properties":{"text":{"type":"string","readOnly":true}}}"#,
    );
    big.behaviour.lock().unwrap().lie = Some(json!("x".repeat(MAX_LONG_VALUE)));
    house.device.things().put("big".into(), big);
    let owner = house.enter(&house.owner).await;
    assert_eq!(code(&owner.ask(O::ReadProperty, "big", "text", None).await), Some(ProblemCode::Failed));
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
}
