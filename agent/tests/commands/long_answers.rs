//! Answers whose value does not fit into one message.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use streembit_peer::client::Connection;
use streembit_peer::message::{
    Answer, Chunk, FromDevice, MAX_LONG_VALUE, MAX_VALUE, Operation as O, ProblemCode, RequestHash, Response,
};
use streembit_peer::rights::{Change, Role};
use streembit_peer::wire;
use tokio::io::AsyncWriteExt as _;

use super::house::{Ask, ByHand, House, SOON, call, code, problem, until, who};
use super::stand_in::StandIn;

/// A camera: whatever it is asked, it shows a picture.
const CAMERA: &str = r#"{
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "@type": "tm:ThingModel",
  "title": "Camera",
  "properties": { "picture": { "type": "string", "readOnly": true } },
  "actions": { "shoot": { "output": { "type": "string" } } }
}"#;

/// A picture of so many bytes of JSON text.
fn picture(length: usize) -> Value {
    Value::String("p".repeat(length - 2))
}

/// A house with a camera beside the door.
async fn with_camera(length: usize) -> (House, Arc<StandIn>) {
    let house = House::new().await;
    let camera = StandIn::with_model(CAMERA);
    show(&camera, length);
    house.device.things().put("camera".into(), camera.clone());
    (house, camera)
}

fn show(camera: &StandIn, length: usize) {
    let mut behaviour = camera.behaviour.lock().unwrap();
    behaviour.lie = Some(picture(length));
    behaviour.output = Some(picture(length));
}

/// What came next.
#[derive(Debug, PartialEq)]
enum Came {
    Announced(RequestHash),
    Chunk(RequestHash),
    Answer(Box<Response>),
}

impl ByHand {
    /// Asks for the picture, and reads nothing.
    async fn ask_for_picture(&mut self) {
        let request = self.sign(&self.request(O::ReadProperty, "camera", "picture"));
        self.send(&request).await;
    }

    /// The next message; `None` at the end of the session.
    async fn came(&mut self) -> Option<Came> {
        let frame = wire::read_frame(&mut self.stream, wire::MAX_FRAME);
        let frame = tokio::time::timeout(SOON, frame).await.expect("a message or an end").ok()?;
        let plaintext = self.established.opener.open(&frame).unwrap();
        Some(match FromDevice::authenticate(&plaintext, &self.established.peers).unwrap() {
            FromDevice::Announcement(announcement) => Came::Announced(announcement.re),
            FromDevice::Chunk(chunk) => Came::Chunk(chunk.re),
            FromDevice::Response(response) => Came::Answer(Box::new(response)),
            FromDevice::Notification(_) | FromDevice::Farewell(_) => panic!("nothing is observed"),
        })
    }

    /// All that still comes.
    async fn rest(&mut self) -> Vec<Came> {
        let mut all = Vec::new();
        while let Some(came) = self.came().await {
            all.push(came);
        }
        all
    }
}

fn chunks(all: &[Came]) -> usize {
    all.iter().filter(|came| matches!(came, Came::Chunk(_))).count()
}

/// Chunks of a picture of the longest kind.
const CHUNKS: usize = MAX_LONG_VALUE / streembit_peer::message::long::CHUNK;

async fn read_picture(person: &Connection) -> Answer {
    person.ask(O::ReadProperty, "camera", "picture", None).await
}

#[tokio::test]
async fn a_value_of_any_length_up_to_the_longest_is_read_and_a_longer_one_is_not() {
    let (house, camera) = with_camera(MAX_VALUE).await;
    let owner = house.enter(&house.owner).await;
    for length in [MAX_VALUE, MAX_VALUE + 1, 300_000, MAX_LONG_VALUE] {
        show(&camera, length);
        assert_eq!(read_picture(&owner).await, Answer::Ok(picture(length)), "{length}");
    }
    show(&camera, MAX_LONG_VALUE - 15);
    let all = owner.ask(O::ReadAllProperties, "camera", "", None).await;
    assert_eq!(all, Answer::Ok(json!({ "picture": picture(MAX_LONG_VALUE - 15) })));
    show(&camera, MAX_LONG_VALUE + 1);
    let too_long = problem(read_picture(&owner).await);
    assert_eq!(too_long.code, ProblemCode::Failed);
    assert!(too_long.detail.unwrap().contains("longer than 4096 KiB"));
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
}

#[tokio::test]
async fn a_short_answer_does_not_wait_for_the_end_of_a_long_one() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    owner.ask_for_picture().await;
    let Some(Came::Announced(long)) = owner.came().await else { panic!("first of all the answer") };
    assert_eq!(owner.came().await, Some(Came::Chunk(long)));
    let short = owner.sign(&owner.request(O::ReadProperty, "door", "state"));
    owner.send(&short).await;
    let mut before = 1;
    let answer = loop {
        match owner.came().await.unwrap() {
            Came::Chunk(_) => before += 1,
            Came::Answer(response) => break response,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answer.result, Answer::Ok(json!("closed")));
    assert!(before < CHUNKS / 2, "after {before} of {CHUNKS} chunks");
    for _ in before..CHUNKS {
        assert_eq!(owner.came().await, Some(Came::Chunk(long)));
    }
}

#[tokio::test]
async fn a_long_answer_gets_its_turn_among_any_number_of_short_ones() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let owner = house.enter(&house.owner).await;
    let busy: Vec<_> = (0..32)
        .map(|_| {
            let owner = owner.clone();
            tokio::spawn(async move {
                loop {
                    owner.ask(O::ReadProperty, "door", "state", None).await;
                }
            })
        })
        .collect();
    assert_eq!(read_picture(&owner).await, Answer::Ok(picture(MAX_LONG_VALUE)));
    for task in busy {
        task.abort();
    }
}

#[tokio::test]
async fn two_long_answers_go_out_in_turn_and_news_come_between() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    owner.ask_for_picture().await;
    owner.ask_for_picture().await;
    let mut order = Vec::new();
    while order.len() < 2 * CHUNKS {
        if let Came::Chunk(re) = owner.came().await.unwrap() {
            order.push(re);
        }
    }
    let both = &order[CHUNKS / 4..CHUNKS];
    assert!(both.windows(2).all(|pair| pair[0] != pair[1]), "one after the other");

    let watcher = house.enter(&house.owner).await;
    let mut state = watcher.listen(O::ObserveProperty, "door", "state").await;
    let long = tokio::spawn({
        let watcher = watcher.clone();
        async move { read_picture(&watcher).await }
    });
    house.door.changed("state", json!("open"));
    assert_eq!(super::house::next(&mut state).await.unwrap().value, Some(json!("open")));
    assert_eq!(long.await.unwrap(), Answer::Ok(picture(MAX_LONG_VALUE)));
}

#[tokio::test]
async fn who_reads_none_of_its_long_answers_gets_no_more_of_them_and_keeps_nobody_else_from_theirs() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    for _ in 0..3 {
        owner.ask_for_picture().await;
    }
    let busy = loop {
        match owner.came().await.unwrap() {
            Came::Answer(response) => break problem(response.result),
            Came::Announced(_) | Came::Chunk(_) => {}
        }
    };
    assert_eq!(busy.code, ProblemCode::Busy);
    assert!(busy.detail.unwrap().contains("long answers"));
    // In another session of the same contact neither, but short answers come.
    let second = house.enter(&house.owner).await;
    assert_eq!(code(&read_picture(&second).await), Some(ProblemCode::Busy));
    assert_eq!(second.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    let other = house.enter(&house.admit(Role::Viewer, vec![]).await).await;
    assert_eq!(read_picture(&other).await, Answer::Ok(picture(MAX_LONG_VALUE)));
    // What has been read makes room, and so does the end of a session.
    drop(owner);
    until("its session is over", || house.device.callers().count() == 2).await;
    assert_eq!(read_picture(&second).await, Answer::Ok(picture(MAX_LONG_VALUE)));
}

#[tokio::test]
async fn a_revocation_ends_a_long_answer_in_the_middle() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let mut viewer = house.enter_by_hand(&key).await;
    viewer.ask_for_picture().await;
    assert!(matches!(viewer.came().await, Some(Came::Announced(_))));
    assert!(matches!(viewer.came().await, Some(Came::Chunk(_))));
    house.revoke(&key).await;
    assert_eq!(house.device.callers().count(), 0, "before the change is acknowledged");
    // What was in the stream already, and no more.
    assert!(chunks(&viewer.rest().await) <= 1);
}

#[tokio::test]
async fn who_ends_its_own_rights_gets_the_answer_to_that_and_not_the_rest_of_a_long_one() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let second = house.admit_owner().await;
    let mut second_session = house.enter_by_hand(&second).await;
    second_session.ask_for_picture().await;
    assert!(matches!(second_session.came().await, Some(Came::Announced(_))));
    let change = house.signed(&second, Change::Revoke { contact: who(&second) });
    let change = call(O::InvokeAction, "device", "changeRights", Some(json!({ "change": change })));
    let (key, peers, now) = (&second_session.key, &second_session.established.peers, second_session.now);
    let request = change.sign(key, peers, now, now + 60);
    second_session.send(&request.plaintext).await;
    // Nothing is read until the change is made, so that no more of the picture comes than is on its way by then.
    while house.device.journal().rights().key_of(&who(&second)).is_some() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let rest = second_session.rest().await;
    let answered =
        rest.iter().any(|came| matches!(came, Came::Answer(response) if response.re == request.hash));
    assert!(answered, "{rest:?}");
    assert!(chunks(&rest) < CHUNKS / 2, "{} chunks", chunks(&rest));
}

#[tokio::test]
async fn who_says_that_it_is_done_asking_still_gets_all_of_the_answer() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    owner.ask_for_picture().await;
    owner.stream.shutdown().await.unwrap();
    let rest = owner.rest().await;
    assert_eq!((chunks(&rest), rest.len()), (CHUNKS, CHUNKS + 1));
}

#[tokio::test]
async fn a_device_that_stops_does_not_wait_for_the_reader_of_a_long_answer() {
    let (house, _) = with_camera(MAX_LONG_VALUE).await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    owner.ask_for_picture().await;
    assert!(matches!(owner.came().await, Some(Came::Announced(_))));
    tokio::time::timeout(SOON, house.server.close()).await.expect("it stops");
    assert!(chunks(&owner.rest().await) < CHUNKS);
}

#[tokio::test]
async fn a_long_output_is_sent_once_and_whoever_asks_again_learns_that_it_was_done() {
    let (house, camera) = with_camera(MAX_LONG_VALUE).await;
    let owner = house.enter(&house.owner).await;
    let shoot = call(O::InvokeAction, "camera", "shoot", None);
    let first = owner.respond(&shoot).await;
    assert_eq!(first.result, Answer::Ok(picture(MAX_LONG_VALUE)));
    for session in [&owner, &house.enter(&house.owner).await] {
        let again = session.respond(&shoot).await;
        assert_eq!((code(&again.result), again.receipt), (Some(ProblemCode::OutputLost), first.receipt));
    }
    assert_eq!(camera.moved(), 1);
    // It takes no room among the kept answers: a picture after the other can be shot.
    for _ in 0..3 {
        let shoot = call(O::InvokeAction, "camera", "shoot", None);
        assert_eq!(owner.respond(&shoot).await.result, Answer::Ok(picture(MAX_LONG_VALUE)));
    }
    // What fits into a message is kept, as ever.
    show(&camera, MAX_VALUE);
    let shoot = call(O::InvokeAction, "camera", "shoot", None);
    for _ in 0..2 {
        assert_eq!(owner.respond(&shoot).await.result, Answer::Ok(picture(MAX_VALUE)));
    }
    show(&camera, MAX_LONG_VALUE + 1);
    let too_long = owner.respond(&call(O::InvokeAction, "camera", "shoot", None)).await;
    assert_eq!(code(&too_long.result), Some(ProblemCode::OutputLost));
    assert!(too_long.receipt.is_some(), "it was done");
    assert_eq!(camera.moved(), 6);
}

#[tokio::test]
async fn whoever_has_no_patience_left_keeps_its_session() {
    let (house, _) = with_camera(MAX_LONG_VALUE / 4).await;
    let owner = house.enter(&house.owner).await;
    for patience in [1, 5, 20, 50] {
        let read = call(O::ReadProperty, "camera", "picture", None);
        // Given up before, within or after its chunks: whatever still comes of it disturbs nobody.
        let _ = owner.call(&read, Duration::from_millis(patience)).await;
        assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    }
    assert_eq!(read_picture(&owner).await, Answer::Ok(picture(MAX_LONG_VALUE / 4)));
    assert_eq!(owner.is_closed(), None);
}

#[tokio::test]
async fn a_caller_who_sends_chunks_is_no_caller() {
    let house = House::new().await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    let chunk = Chunk { re: RequestHash::from_bytes([b'a'; 32]), offset: 0, bytes: b"text" };
    owner.send(&String::from_utf8(chunk.to_plaintext()).unwrap()).await;
    assert_eq!(owner.came().await, None);
}
