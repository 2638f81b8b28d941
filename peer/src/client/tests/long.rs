//! Answers whose value follows them.

use super::*;
use crate::message::{Chunk, LongValue, MAX_LONG_VALUE, MAX_VALUE, SignedAnswer};

/// A value that does not fit into its answer.
fn picture(length: usize) -> Value {
    Value::String("p".repeat(length - 2))
}

impl Device {
    /// Announces a long answer; its chunks are sent by the test.
    async fn announce(&mut self, request: &Request, value: &Value) -> LongValue {
        let answer = Answer::Ok(value.clone());
        let (key, peers) = (&self.key, &self.session.peers);
        let SignedAnswer { plaintext, follows } =
            Response::sign(key, peers, request.hash(), &answer, None).unwrap();
        self.send(plaintext).await;
        follows.expect("a long answer")
    }

    /// Sends so many chunks, or all that are left.
    async fn follow(&mut self, value: &mut LongValue, chunks: usize) {
        for _ in 0..chunks {
            let Some(chunk) = value.next_chunk() else { return };
            self.send(chunk).await;
        }
    }
}

/// A call that waits for its answer, and its request at the device.
async fn asked(
    connection: &Connection,
    device: &mut Device,
) -> (tokio::task::JoinHandle<Result<Response, CallError>>, Request) {
    let connection = connection.clone();
    let waiting =
        tokio::spawn(async move { connection.call(&call(Operation::ReadProperty, None), LONG).await });
    (waiting, device.next().await.unwrap())
}

/// Waits until the connection has taken everything that the device sent so far.
async fn settled(connection: &Connection, device: &mut Device) {
    let read = call(Operation::ReadProperty, None);
    let (answered, ()) = tokio::join!(connection.call(&read, LONG), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
    });
    answered.unwrap();
}

#[tokio::test]
async fn short_answers_and_news_come_between_the_chunks_of_a_long_one() {
    let (connection, mut device) = connect();
    let observe = call(Operation::ObserveProperty, None);
    let (answered, observed) = tokio::join!(connection.subscribe(&observe, LONG, 8), async {
        let request = device.next().await.unwrap();
        device.answer(&request, Answer::Ok(Value::Null)).await;
        request
    });
    let mut subscription = answered.unwrap().1.unwrap();
    let (long, request) = asked(&connection, &mut device).await;
    let (other, of_other) = asked(&connection, &mut device).await;
    let (first, second) = (picture(MAX_LONG_VALUE), picture(MAX_VALUE + 1));
    let mut one = device.announce(&request, &first).await;
    let mut two = device.announce(&of_other, &second).await;
    device.follow(&mut one, 1).await;
    device.follow(&mut two, 1).await;
    settled(&connection, &mut device).await;
    device.notify(&observed, 1, json!("open"), None).await;
    assert_eq!(subscription.next().await.unwrap().value, Some(json!("open")));
    assert!(!long.is_finished() && !other.is_finished());
    device.follow(&mut two, usize::MAX).await;
    assert_eq!(other.await.unwrap().unwrap().result, Answer::Ok(second));
    device.follow(&mut one, usize::MAX).await;
    assert_eq!(long.await.unwrap().unwrap().result, Answer::Ok(first));
    assert_eq!(connection.shared.waiting().long.held(), 0);
    assert_eq!(connection.is_closed(), None);
}

#[tokio::test]
async fn who_gives_up_frees_what_has_come_and_the_rest_disturbs_nobody() {
    let (connection, mut device) = connect();
    let (waiting, request) = asked(&connection, &mut device).await;
    let mut value = device.announce(&request, &picture(MAX_LONG_VALUE)).await;
    device.follow(&mut value, 3).await;
    settled(&connection, &mut device).await;
    assert!(connection.shared.waiting().long.held() > 0);
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(connection.shared.waiting().long.held(), 0);
    device.follow(&mut value, usize::MAX).await;
    settled(&connection, &mut device).await;
    assert_eq!(connection.is_closed(), None);
}

#[tokio::test]
async fn time_runs_out_in_the_middle_of_a_long_answer_and_before_it() {
    let (connection, mut device) = connect();
    for announced_in_time in [true, false] {
        let read = call(Operation::ReadProperty, None);
        let soon = Duration::from_millis(200);
        let (answered, (request, value)) = tokio::join!(connection.call(&read, soon), async {
            let request = device.next().await.unwrap();
            let value = match announced_in_time {
                true => Some(device.announce(&request, &picture(MAX_VALUE + 1)).await),
                false => None,
            };
            (request, value)
        });
        assert_eq!(answered, Err(CallError::TimedOut));
        let mut value = match value {
            Some(value) => value,
            None => device.announce(&request, &picture(MAX_VALUE + 1)).await,
        };
        device.follow(&mut value, usize::MAX).await;
        settled(&connection, &mut device).await;
        assert_eq!(connection.shared.waiting().long.held(), 0);
    }
    assert_eq!(connection.is_closed(), None);
}

/// What the connection says of a device that does this with a long answer that is under way.
async fn broken_by(hostile: impl AsyncFnOnce(&mut Device, &Request, LongValue)) -> String {
    let (connection, mut device) = connect();
    let (waiting, request) = asked(&connection, &mut device).await;
    let mut value = device.announce(&request, &picture(2 * MAX_VALUE)).await;
    device.follow(&mut value, 1).await;
    hostile(&mut device, &request, value).await;
    let Closed::Protocol(why) = connection.closed().await else { panic!("a broken protocol") };
    assert!(matches!(waiting.await.unwrap(), Err(CallError::Lost(Closed::Protocol(_)))), "{why}");
    assert_eq!(connection.shared.waiting().long.held(), 0);
    why
}

#[tokio::test]
async fn a_device_that_breaks_the_rules_of_long_answers_ends_its_session() {
    let missing = broken_by(async |device, _, mut value| {
        value.next_chunk();
        device.follow(&mut value, 1).await;
    });
    assert!(missing.await.contains("is due"));
    let twice = broken_by(async |device, _, mut value| {
        let chunk = value.next_chunk().unwrap();
        device.send(&chunk).await;
        device.send(&chunk).await;
    });
    assert!(twice.await.contains("is due"));
    let short = broken_by(async |device, _, mut value| {
        let chunk = value.next_chunk().unwrap();
        device.send(&chunk[..chunk.len() - 1]).await;
    });
    assert!(short.await.contains("bytes where"));
    let malformed = broken_by(async |device, _, mut value| {
        let chunk = value.next_chunk().unwrap();
        device.send(&chunk[..20]).await;
    });
    assert!(malformed.await.contains("malformed"));
    let unknown = broken_by(async |device, _, _| {
        let re = RequestHash::from_bytes([9; 32]);
        device.send(Chunk { re, offset: 0, bytes: b"text" }.to_plaintext()).await;
    });
    assert!(unknown.await.contains("not under way"));
    let changed = broken_by(async |device, _, mut value| {
        let mut chunk = value.next_chunk().unwrap();
        *chunk.last_mut().unwrap() ^= 1;
        device.send(chunk).await;
        device.follow(&mut value, usize::MAX).await;
    });
    assert!(changed.await.contains("hash"));
    let announced_again = broken_by(async |device, request, _| {
        device.announce(request, &picture(MAX_VALUE + 1)).await;
    });
    assert!(announced_again.await.contains("second answer"));
    let answered_again = broken_by(async |device, request, _| {
        device.answer(request, Answer::Ok(Value::Null)).await;
    });
    assert!(answered_again.await.contains("second answer"));
    let too_much = broken_by(async |device, request, _| {
        for n in 0..3 {
            let re = RequestHash::from_bytes([n; 32]);
            let answer = Answer::Ok(picture(MAX_LONG_VALUE));
            let (key, peers) = (&device.key, &device.session.peers);
            let signed = Response::sign(key, peers, re, &answer, None).unwrap();
            assert_ne!(re, request.hash());
            device.send(signed.plaintext).await;
        }
    });
    assert!(too_much.await.contains("under way"));
}

#[tokio::test]
async fn a_chunk_after_the_end_of_its_answer_ends_the_session_too() {
    let (connection, mut device) = connect();
    let (waiting, request) = asked(&connection, &mut device).await;
    let mut value = device.announce(&request, &picture(MAX_VALUE + 1)).await;
    let first = value.next_chunk().unwrap();
    device.send(&first).await;
    device.follow(&mut value, usize::MAX).await;
    assert!(waiting.await.unwrap().is_ok());
    device.send(&first).await;
    let closed = connection.closed().await;
    assert!(matches!(&closed, Closed::Protocol(why) if why.contains("not under way")), "{closed}");
}

#[tokio::test]
async fn a_device_that_goes_away_in_the_middle_has_answered_nothing() {
    let (connection, mut device) = connect();
    let (waiting, request) = asked(&connection, &mut device).await;
    let mut value = device.announce(&request, &picture(MAX_VALUE + 1)).await;
    device.follow(&mut value, 2).await;
    drop(device);
    assert_eq!(waiting.await.unwrap(), Err(CallError::Lost(Closed::ByDevice)));
    assert_eq!(connection.shared.waiting().long.held(), 0);
}
