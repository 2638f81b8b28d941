//! What goes in and comes out is what the affordance says.

use serde_json::{Value, json};
use streembit_agent::things::Fault;
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::Role;

use super::house::{Ask, House, code, grant, problem};

#[tokio::test]
async fn a_wrong_input_is_refused_by_its_place_and_never_repeated() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    for (op, affordance, input, pointer) in [
        (O::InvokeAction, "turn", Some(json!({ "by": 91 })), "/by"),
        (O::InvokeAction, "turn", Some(json!({ "by": "secret" })), "/by"),
        (O::InvokeAction, "turn", Some(json!({})), ""),
        (O::InvokeAction, "turn", None, ""),
        (O::InvokeAction, "open", Some(json!(1)), ""),
        (O::WriteProperty, "speed", Some(json!(11)), ""),
        (O::WriteProperty, "speed", None, ""),
        (O::WriteProperty, "pin", Some(json!("secret")), ""),
        (O::CancelAction, "travel", Some(json!({ "action": "?" })), ""),
    ] {
        let problem = problem(owner.ask(op, "door", affordance, input.clone()).await);
        assert_eq!(problem.code, ProblemCode::InvalidInput, "{affordance} {input:?}");
        assert_eq!(problem.pointer.as_deref(), Some(pointer), "{affordance} {input:?}");
        assert!(!problem.detail.unwrap().contains("secret"));
    }
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test]
async fn a_right_input_gets_through() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    assert_eq!(
        owner.ask(O::InvokeAction, "door", "turn", Some(json!({ "by": 90 }))).await,
        Answer::Ok(json!(90))
    );
    assert_eq!(owner.ask(O::WriteProperty, "door", "speed", Some(json!(10))).await, Answer::Ok(Value::Null));
    assert_eq!(
        owner.ask(O::WriteProperty, "door", "pin", Some(json!("1234"))).await,
        Answer::Ok(Value::Null)
    );
    assert_eq!(house.door.moved(), 3);
    assert_eq!(owner.ask(O::ReadProperty, "door", "speed", None).await, Answer::Ok(json!(10)));
}

#[tokio::test]
async fn a_thing_that_answers_outside_its_own_schema_has_failed() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    house.door.behaviour.lock().unwrap().lie = Some(json!("ajar"));
    assert_eq!(code(&owner.ask(O::ReadProperty, "door", "state", None).await), Some(ProblemCode::Failed));
}

#[tokio::test]
async fn each_fault_of_a_thing_has_its_code() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let unknown = ProblemCode::OutcomeUnknown;
    // What is answered where nothing had moved, and what where something had.
    for (fault, still, moved) in [
        (Fault::Busy("x".into()), ProblemCode::Busy, ProblemCode::Busy),
        (Fault::InvalidValue("x".into()), ProblemCode::InvalidInput, ProblemCode::InvalidInput),
        (Fault::TimedOut("x".into()), ProblemCode::TimedOut, unknown),
        (Fault::Unavailable("x".into()), ProblemCode::Unavailable, ProblemCode::Unavailable),
        (Fault::Failed("x".repeat(100_000)), ProblemCode::Failed, ProblemCode::Failed),
        (Fault::OutcomeUnknown("x".into()), ProblemCode::Unavailable, unknown),
    ] {
        house.door.behaviour.lock().unwrap().fault = Some(fault.clone());
        let read = if fault == Fault::OutcomeUnknown("x".into()) { unknown } else { still };
        assert_eq!(code(&owner.ask(O::ReadProperty, "door", "state", None).await), Some(read), "{fault:?}");
        for (moves, expected) in [(false, still), (true, moved)] {
            house.door.behaviour.lock().unwrap().moves_first = moves;
            let answer = owner.ask(O::InvokeAction, "door", "open", None).await;
            assert_eq!(code(&answer), Some(expected), "{fault:?}, moved: {moves}");
        }
    }
    assert_eq!(house.door.moved(), 6);
}

#[tokio::test]
async fn all_properties_are_those_that_the_caller_may_read() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let all = owner.ask(O::ReadAllProperties, "door", "", None).await;
    assert_eq!(all, Answer::Ok(json!({ "speed": 5, "state": "closed" })));
    let key = house.admit(Role::Guest, vec![grant("door", "state", &[O::ReadProperty])]).await;
    let guest = house.enter(&key).await;
    let some = guest.ask(O::ReadAllProperties, "door", "", None).await;
    assert_eq!(some, Answer::Ok(json!({ "state": "closed" })));
}

#[tokio::test]
async fn where_one_property_cannot_be_read_the_answer_names_it_and_the_others_can_be_read_alone() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    // The speed is no string.
    house.door.behaviour.lock().unwrap().lie = Some(json!("closed"));
    let failed = problem(owner.ask(O::ReadAllProperties, "door", "", None).await);
    assert_eq!((failed.code, failed.pointer.as_deref()), (ProblemCode::Failed, Some("/speed")));
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    let key = house.admit(Role::Guest, vec![grant("door", "state", &[O::ReadProperty])]).await;
    let some = house.enter(&key).await.ask(O::ReadAllProperties, "door", "", None).await;
    assert_eq!(some, Answer::Ok(json!({ "state": "closed" })), "what one may not read is not in the way");
}

#[tokio::test]
async fn who_may_read_no_property_may_not_read_all() {
    let house = House::new().await;
    let grants = vec![grant("door", "pin", &[O::ReadProperty]), grant("door", "open", &[O::InvokeAction])];
    let guest = house.enter(&house.admit(Role::Guest, grants).await).await;
    assert_eq!(code(&guest.ask(O::ReadAllProperties, "door", "", None).await), Some(ProblemCode::Refused));
}
