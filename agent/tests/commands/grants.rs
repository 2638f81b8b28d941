//! Each grant and its denial.

use serde_json::{Value, json};
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::Role;

use super::house::{Ask, House, call, code, grant};

#[tokio::test]
async fn an_owner_reads_and_the_door_moves() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    let opened = owner.respond(&call(O::InvokeAction, "door", "open", None)).await;
    assert_eq!(opened.result, Answer::Ok(Value::Null));
    assert!(opened.receipt.is_some(), "what moved something is in the journal");
    assert_eq!(house.door.moved(), 1);
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("open")));
}

#[tokio::test]
async fn a_viewer_reads_and_moves_nothing() {
    let house = House::new().await;
    let viewer = house.enter(&house.admit(Role::Viewer, vec![]).await).await;
    assert_eq!(viewer.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    for (op, affordance) in [(O::InvokeAction, "open"), (O::WriteProperty, "speed")] {
        let answer = viewer.ask(op, "door", affordance, Some(json!(3))).await;
        assert_eq!(code(&answer), Some(ProblemCode::Refused));
    }
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test]
async fn a_guest_does_what_one_grant_says_and_nothing_else() {
    let house = House::new().await;
    let key = house.admit(Role::Guest, vec![grant("door", "open", &[O::InvokeAction])]).await;
    let guest = house.enter(&key).await;
    assert_eq!(guest.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    assert_eq!(house.door.moved(), 1);
    for (op, affordance, input) in [
        (O::InvokeAction, "turn", Some(json!({"by": 1}))),
        (O::InvokeAction, "travel", None),
        (O::ReadProperty, "state", None),
        (O::WriteProperty, "speed", Some(json!(1))),
        (O::ObserveProperty, "state", None),
        (O::SubscribeEvent, "bell", None),
        (O::ReadAllProperties, "", None),
    ] {
        let answer = guest.ask(op, "door", affordance, input).await;
        assert_eq!(code(&answer), Some(ProblemCode::Refused), "{op} {affordance}");
    }
    assert_eq!(house.door.moved(), 1);
}
