//! What is asked twice is done once.

use serde_json::{Value, json};
use std::sync::Arc;
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::Role;
use tokio::sync::Notify;

use super::house::{Ask, House, call, code, until};

#[tokio::test]
async fn the_same_call_gets_the_first_answer_in_the_same_session_and_in_the_next() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let turn = call(O::InvokeAction, "door", "turn", Some(json!({ "by": 30 })));
    let first = owner.respond(&turn).await;
    assert_eq!(first.result, Answer::Ok(json!(30)));
    let second = owner.respond(&turn).await;
    assert_eq!((&second.result, second.receipt), (&first.result, first.receipt));
    let later = house.enter(&house.owner).await.respond(&turn).await;
    assert_eq!((&later.result, later.receipt), (&first.result, first.receipt));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn another_call_with_the_same_id_is_a_duplicate_and_moves_nothing() {
    let house = House::new().await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    let mut request = owner.request(O::InvokeAction, "door", "open");
    assert!(owner.exchange(&request).await.unwrap().contains(r#""ok":null"#));
    request["affordance"] = json!("travel");
    assert!(owner.exchange(&request).await.unwrap().contains(r#""code":"duplicate""#));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn what_still_runs_is_running_and_two_at_once_move_once() {
    let house = House::new().await;
    let hold = Arc::new(Notify::new());
    house.door.behaviour.lock().unwrap().hold = Some(Arc::clone(&hold));
    let owner = house.enter(&house.owner).await;
    let open = call(O::InvokeAction, "door", "open", None);
    let first = tokio::spawn({
        let (owner, open) = (owner.clone(), open.clone());
        async move { owner.respond(&open).await.result }
    });
    let journal = house.device.journal();
    until("the intent is on disk", || journal.head().seq >= 2).await;
    let second = house.enter(&house.owner).await.respond(&open).await.result;
    assert_eq!(code(&second), Some(ProblemCode::Running));
    // Nothing waits at the door but the first.
    hold.notify_one();
    assert_eq!(first.await.unwrap(), Answer::Ok(Value::Null));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn somebody_elses_id_is_nobody_elses_business() {
    let house = House::new().await;
    let other = house.admit(Role::Operator, vec![]).await;
    let open = call(O::InvokeAction, "door", "open", None);
    house.enter(&house.owner).await.respond(&open).await;
    assert_eq!(house.enter(&other).await.respond(&open).await.result, Answer::Ok(Value::Null));
    assert_eq!(house.door.moved(), 2);
}

#[tokio::test]
async fn a_read_asked_twice_is_read_twice() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let read = call(O::ReadProperty, "door", "state", None);
    owner.respond(&read).await;
    owner.respond(&read).await;
    assert_eq!(house.door.reads(), 2);
}
