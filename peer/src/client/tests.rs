//! A person's end against a device that the tests play, over a stream in memory.

use std::time::Duration;

use serde_json::{Value, json};
use streembit_keys::{PrivateKey, Thumbprint, rng};
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

use super::*;
use crate::message::{
    ActionId, End, Farewell, Name, Notification, NotificationKind, Problem, ProblemCode, Request,
};
use crate::session::{Initiator, PeerIds, Remote, Responder, Welcome};
use crate::wire::{MAX_FRAME, read_frame, write_frame};

mod long;

const NOW: i64 = 1_795_000_000;
const LONG: Duration = Duration::from_secs(30);

/// The device's end, which does what a test says.
struct Device {
    key: PrivateKey,
    session: Established,
    stream: DuplexStream,
}

fn connect() -> (Connection, Device) {
    let mut rng = rng::system();
    let (person, key) = (PrivateKey::generate(&mut rng), PrivateKey::generate(&mut rng));
    let peer_ids = PeerIds { initiator: "i".into(), responder: "r".into() };
    let remote = Remote::Known(key.public().clone());
    let (initiator, m1) = Initiator::start(&person, remote, peer_ids.clone(), &mut rng);
    let lookup = |_: &Thumbprint| Some(person.public().clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    let (responder, m2) = Responder::accept(&m1, &key, &peer_ids, &welcome, NOW, &mut rng).unwrap();
    let (here, m3) = initiator.on_m2(&m2, NOW).unwrap();
    let session = responder.on_m3(&m3).unwrap();
    let (stream, there) = duplex(64 * 1024);
    (Connection::new(stream, here, person), Device { key, session, stream: there })
}

impl Device {
    async fn next(&mut self) -> Option<Request> {
        let frame = read_frame(&mut self.stream, MAX_FRAME).await.ok()?;
        let plaintext = self.session.opener.open(&frame).unwrap();
        Some(Request::authenticate(plaintext, &self.session.peers, NOW).unwrap())
    }

    async fn send(&mut self, message: impl AsRef<[u8]>) {
        let frame = self.session.sealer.seal(message.as_ref()).unwrap();
        write_frame(&mut self.stream, frame.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, request: &Request, result: Answer) {
        let signed = Response::sign(&self.key, &self.session.peers, request.hash(), &result, None).unwrap();
        assert!(signed.follows.is_none(), "a short answer");
        self.send(signed.plaintext).await;
    }

    async fn notify(&mut self, request: &Request, n: u64, value: Value, end: Option<End>) {
        let notification = Notification {
            sub: request.hash(),
            n,
            thing: request.thing.clone(),
            affordance: request.affordance.clone().unwrap(),
            kind: NotificationKind::Property,
            value: Some(value),
            problem: None,
            missed: 0,
            end,
        };
        self.send(notification.sign(&self.key, &self.session.peers).unwrap()).await;
    }
}

fn call(op: Operation, input: Option<&Value>) -> Call {
    let name = |text: &str| text.parse::<Name>().unwrap();
    Call::new(op, name("garage"), Some(name("state")), input, &mut rng::system()).unwrap()
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let (connection, mut device) = connect();
    let calls = (0..MAX_OUTSTANDING).map(|n| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let call = call(Operation::WriteProperty, Some(&json!(n)));
            (n, connection.call(&call, LONG).await.unwrap().result)
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut requests = Vec::new();
    for _ in 0..MAX_OUTSTANDING {
        requests.push(device.next().await.unwrap());
    }
    for request in requests.iter().rev() {
        device.answer(request, Answer::Ok(request.input.clone().unwrap())).await;
    }
    for call in calls {
        let (n, result) = call.await.unwrap();
        assert_eq!(result, Answer::Ok(json!(n)));
    }
}

#[tokio::test]
async fn no_more_calls_are_sent_than_a_session_may_have_unanswered() {
    let (connection, mut device) = connect();
    for _ in 0..=MAX_OUTSTANDING {
        let connection = connection.clone();
        tokio::spawn(async move { connection.call(&call(Operation::ReadProperty, None), LONG).await });
    }
    let mut first = None;
    for _ in 0..MAX_OUTSTANDING {
        first = device.next().await;
    }
    let mut byte = [0];
    let more = tokio::time::timeout(Duration::from_millis(50), device.stream.read(&mut byte)).await;
    assert!(more.is_err(), "one more was sent");
    device.answer(&first.unwrap(), Answer::Ok(Value::Null)).await;
    assert!(device.next().await.is_some());
}

#[tokio::test]
async fn a_subscription_gets_its_news_and_ends() {
    let (connection, mut device) = connect();
    let observe = call(Operation::ObserveProperty, None);
    let (answered, request) = tokio::join!(connection.subscribe(&observe, LONG, 8), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
        request
    });
    let mut subscription = answered.unwrap().1.unwrap();
    device.notify(&request, 1, json!("open"), None).await;
    device.notify(&request, 2, json!("closed"), Some(End::Revoked)).await;
    assert_eq!(subscription.next().await.unwrap().value, Some(json!("open")));
    assert_eq!(subscription.next().await.unwrap().end, Some(End::Revoked));
    assert_eq!(subscription.next().await, None);
    assert_eq!(connection.is_closed(), None, "the session goes on");
}

#[tokio::test]
async fn a_pending_action_has_a_subscription_and_a_refusal_has_none() {
    let (connection, mut device) = connect();
    let invoke = call(Operation::InvokeAction, None);
    for (answer, more) in [
        (Answer::Pending(ActionId::from_bytes([1; 16])), true),
        (Answer::Ok(Value::Null), false),
        (Answer::Problem(Problem::new(ProblemCode::Refused)), false),
    ] {
        let (answered, ()) = tokio::join!(connection.subscribe(&invoke, LONG, 1), async {
            let request = device.next().await.unwrap();
            device.answer(&request, answer.clone()).await;
        });
        let (response, subscription) = answered.unwrap();
        assert_eq!((response.result, subscription.is_some()), (answer, more));
    }
    assert!(connection.shared.waiting().subscriptions.is_empty(), "dropped ones are forgotten");
}

#[tokio::test]
async fn a_slow_reader_learns_how_much_it_missed_and_always_of_the_end() {
    let (connection, mut device) = connect();
    let observe = call(Operation::ObserveProperty, None);
    let (answered, request) = tokio::join!(connection.subscribe(&observe, LONG, 2), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
        request
    });
    let mut subscription = answered.unwrap().1.unwrap();
    for n in 1..=10 {
        device.notify(&request, n, json!(n), None).await;
    }
    device.notify(&request, 11, Value::Null, Some(End::Gone)).await;
    // An answer behind them: whatever was sent before it has been handed out.
    let read = call(Operation::ReadProperty, None);
    let (answered, ()) = tokio::join!(connection.call(&read, LONG), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
    });
    answered.unwrap();
    let mut got = Vec::new();
    while let Some(notification) = subscription.next().await {
        got.push((notification.n, notification.missed));
    }
    assert_eq!(got, [(1, 0), (2, 0), (11, 8)]);
}

#[tokio::test]
async fn a_gap_in_the_news_ends_the_session() {
    let (connection, mut device) = connect();
    let observe = call(Operation::ObserveProperty, None);
    let (answered, request) = tokio::join!(connection.subscribe(&observe, LONG, 2), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
        request
    });
    let mut subscription = answered.unwrap().1.unwrap();
    device.notify(&request, 2, json!(2), None).await;
    assert_eq!(subscription.next().await, None);
    assert!(matches!(connection.closed().await, Closed::Protocol(_)));
}

#[tokio::test]
async fn when_the_device_closes_what_was_sent_is_lost_and_what_was_not_is_not() {
    let (connection, mut device) = connect();
    let read = call(Operation::ReadProperty, None);
    let (answered, ()) = tokio::join!(connection.call(&read, LONG), async move {
        device.next().await.unwrap();
        drop(device);
    });
    assert_eq!(answered, Err(CallError::Lost(Closed::ByDevice)));
    assert_eq!(connection.call(&read, LONG).await, Err(CallError::NotSent(Closed::ByDevice)));
    assert_eq!(connection.closed().await, Closed::ByDevice);
}

#[tokio::test]
async fn who_is_turned_away_knows_that_nothing_was_done() {
    let open = call(Operation::InvokeAction, None);
    // Asked before the device's word comes, and when it has hung up already.
    for hangs_up in [false, true] {
        let (connection, mut device) = connect();
        let (answered, ()) = tokio::join!(connection.call(&open, LONG), async move {
            if !hangs_up {
                device.next().await.unwrap();
            }
            let farewell = Farewell::NoRoom.sign(&device.key, &device.session.peers);
            device.send(farewell).await;
        });
        assert_eq!(answered, Err(CallError::NotSent(Closed::NoRoom)));
        assert_eq!(connection.closed().await, Closed::NoRoom);
        assert_eq!(connection.call(&open, LONG).await, Err(CallError::NotSent(Closed::NoRoom)));
    }
}

#[tokio::test]
async fn a_farewell_after_an_answer_takes_nothing_back() {
    let (connection, mut device) = connect();
    let open = call(Operation::InvokeAction, None);
    let (answered, request) = tokio::join!(connection.call(&open, LONG), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
        request
    });
    answered.unwrap();
    drop(request);
    let (answered, ()) = tokio::join!(connection.call(&open, LONG), async {
        device.next().await.unwrap();
        let farewell = Farewell::NoRoom.sign(&device.key, &device.session.peers);
        device.send(farewell).await;
    });
    assert!(matches!(answered, Err(CallError::Lost(Closed::Protocol(_)))), "{answered:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let (connection, mut device) = connect();
    let read = call(Operation::ReadProperty, None);
    let answered = connection.call(&read, Duration::from_millis(50)).await;
    assert_eq!(answered, Err(CallError::TimedOut));
    assert!(connection.shared.waiting().answers.is_empty());
    // The late answer disturbs nothing.
    let late = device.next().await.unwrap();
    device.answer(&late, Answer::Ok(json!("late"))).await;
    let (answered, ()) = tokio::join!(connection.call(&read, LONG), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(json!("in time"))).await;
    });
    assert_eq!(answered.unwrap().result, Answer::Ok(json!("in time")));
}

#[tokio::test]
async fn noise_from_the_device_ends_the_session() {
    let (connection, mut device) = connect();
    write_frame(&mut device.stream, b"noise").await.unwrap();
    assert!(matches!(connection.closed().await, Closed::Protocol(_)));

    let (connection, mut device) = connect();
    device.send("sealed, and signed by nobody").await;
    assert!(matches!(connection.closed().await, Closed::Protocol(_)));
}

#[tokio::test]
async fn the_last_clone_ends_the_session_and_so_does_closing_it() {
    let (connection, mut device) = connect();
    let clone = connection.clone();
    drop(connection);
    assert_eq!(clone.is_closed(), None);
    drop(clone);
    assert!(device.next().await.is_none());

    let (connection, mut device) = connect();
    connection.close();
    assert_eq!(connection.closed().await, Closed::Here);
    assert!(device.next().await.is_none());
}
