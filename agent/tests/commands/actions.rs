//! Actions that run on.

use std::time::Duration;

use serde_json::{Value, json};
use streembit_agent::journal::{Outcome, What};
use streembit_agent::things::Fault;
use streembit_peer::client::{Connection, Subscription};
use streembit_peer::message::{ActionId, Answer, End, NotificationKind, Operation as O, ProblemCode};
use streembit_peer::rights::{Change, Grants, Role};

use super::house::{Ask, House, SOON, call, code, grant, next, who};
use super::stand_in::StandIn;

async fn start(person: &Connection) -> (ActionId, Subscription) {
    let travel = call(O::InvokeAction, "door", "travel", None);
    let (response, end) = person.subscribe(&travel, SOON, 4).await.unwrap();
    let Answer::Pending(id) = response.result else { panic!("it should run on: {response:?}") };
    (id, end.unwrap())
}

fn input(id: ActionId) -> Option<Value> {
    Some(json!({ "action": id }))
}

fn end(house: &House, outcome: Result<Option<Value>, Fault>) {
    let call = house.door.travelling.lock().unwrap().pop().unwrap();
    call.end.tell(outcome);
}

#[tokio::test]
async fn the_end_of_an_action_is_told_kept_and_recorded() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (id, mut news) = start(&owner).await;
    let running = owner.ask(O::QueryAction, "door", "travel", input(id)).await;
    assert_eq!(running, Answer::Ok(json!({ "status": "running" })));
    end(&house, Ok(Some(json!("there"))));
    let told = next(&mut news).await.unwrap();
    assert_eq!(
        (told.kind, told.value, told.end),
        (NotificationKind::Action, Some(json!("there")), Some(End::Done))
    );
    let done = owner.ask(O::QueryAction, "door", "travel", input(id)).await;
    assert_eq!(done, Answer::Ok(json!({ "status": "completed", "output": "there" })));
    let entries = house.device.journal().read(1, 100).await.unwrap();
    let outcomes: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.body.what {
            What::Outcome { result, .. } | What::Completed { result, .. } => Some(result),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [Outcome::Pending, Outcome::Ok]);
}

#[tokio::test]
async fn a_failure_and_an_answer_outside_the_schema_are_failures() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    for outcome in [Err(Fault::Failed("stuck".into())), Ok(Some(json!(7)))] {
        let (id, mut news) = start(&owner).await;
        end(&house, outcome);
        let told = next(&mut news).await.unwrap();
        assert_eq!((told.problem.unwrap().code, told.value), (ProblemCode::Failed, None));
        let Answer::Ok(status) = owner.ask(O::QueryAction, "door", "travel", input(id)).await else {
            panic!("a status was due")
        };
        assert_eq!(status["status"], "failed");
    }
}

#[tokio::test]
async fn an_action_is_cancelled_once_and_by_who_started_it() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let other = house.enter(&house.admit(Role::Operator, vec![]).await).await;
    let (id, _news) = start(&owner).await;
    for op in [O::QueryAction, O::CancelAction] {
        assert_eq!(code(&other.ask(op, "door", "travel", input(id)).await), Some(ProblemCode::Refused));
    }
    assert!(house.door.cancelled.lock().unwrap().is_empty());
    assert_eq!(owner.ask(O::CancelAction, "door", "travel", input(id)).await, Answer::Ok(Value::Null));
    assert_eq!(house.door.cancelled.lock().unwrap().len(), 1);
    end(&house, Err(Fault::Failed("cancelled".into())));
    while owner.ask(O::QueryAction, "door", "travel", input(id)).await
        == Answer::Ok(json!({ "status": "running" }))
    {}
    assert_eq!(owner.ask(O::CancelAction, "door", "travel", input(id)).await, Answer::Ok(Value::Null));
    assert_eq!(house.door.cancelled.lock().unwrap().len(), 1, "what is over is not cancelled");
}

#[tokio::test]
async fn an_action_outlives_its_session_and_can_be_asked_about_in_the_next() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (id, _news) = start(&owner).await;
    owner.close();
    end(&house, Ok(Some(json!("there"))));
    let owner = house.enter(&house.owner).await;
    while owner.ask(O::QueryAction, "door", "travel", input(id)).await
        == Answer::Ok(json!({ "status": "running" }))
    {}
    let done = owner.ask(O::QueryAction, "door", "travel", input(id)).await;
    assert_eq!(done, Answer::Ok(json!({ "status": "completed", "output": "there" })));
}

#[tokio::test]
async fn the_actions_of_a_thing_that_goes_away_end_with_an_unknown_outcome() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (_, mut news) = start(&owner).await;
    house.device.things().put("door".into(), StandIn::new());
    // The new Thing is used, which is when the old one is seen to be gone.
    start(&owner).await;
    let told = next(&mut news).await.unwrap();
    assert_eq!(told.problem.unwrap().code, ProblemCode::OutcomeUnknown);
}

#[tokio::test]
async fn the_end_of_an_action_is_not_lost_among_more_news_than_can_be_heard() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (id, mut news) = start(&owner).await;
    let flood = || (0..1000).for_each(|_| house.door.event("bell", None));
    flood();
    end(&house, Ok(Some(json!("there"))));
    flood();
    let told = next(&mut news).await.unwrap();
    assert_eq!((told.value, told.end), (Some(json!("there")), Some(End::Done)));
    let done = owner.ask(O::QueryAction, "door", "travel", input(id)).await;
    assert_eq!(done, Answer::Ok(json!({ "status": "completed", "output": "there" })));
    assert_eq!(recorded(&house).await, [Outcome::Ok]);
    assert_eq!(house.device.actions().count_running(), 0);
}

#[tokio::test]
async fn an_action_whose_thing_forgets_it_has_an_unknown_outcome() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (_, mut news) = start(&owner).await;
    house.door.travelling.lock().unwrap().clear();
    let told = next(&mut news).await.unwrap();
    assert_eq!(told.problem.unwrap().code, ProblemCode::OutcomeUnknown);
}

async fn recorded(house: &House) -> Vec<Outcome> {
    let entries = house.device.journal().read(1, 100).await.unwrap();
    let result = |entry: streembit_agent::journal::Entry| match entry.body.what {
        What::Completed { result, .. } => Some(result),
        _ => None,
    };
    entries.into_iter().filter_map(result).collect()
}

#[tokio::test]
async fn an_end_that_could_not_be_recorded_is_recorded_when_the_disk_has_room_again() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let (first, second) = (start(&owner).await, start(&owner).await);
    house.break_journal(true);
    end(&house, Ok(Some(json!("there"))));
    end(&house, Err(Fault::Failed("stuck".into())));
    for (_, mut news) in [first, second] {
        assert_eq!(next(&mut news).await.unwrap().end, Some(End::Done), "nobody waits for the disk");
    }
    assert_eq!(recorded(&house).await, []);
    house.break_journal(false);
    let written = async {
        while recorded(&house).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(4 * SOON, written).await.expect("it is tried again");
    let mut outcomes = recorded(&house).await;
    outcomes.sort_by_key(|outcome| *outcome != Outcome::Ok);
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Problem(ProblemCode::Failed)]);
    let report = house.device.journal().verify(None).await.unwrap();
    assert!(report.holds() && report.unfinished == 0, "{report:?}");
}

#[tokio::test]
async fn who_may_no_longer_ask_is_not_told_what_came_of_it() {
    let house = House::new().await;
    let allowed = vec![grant("door", "travel", &[O::InvokeAction])];
    let key = house.admit(Role::Guest, allowed).await;
    let guest = house.enter(&key).await;
    let (id, mut news) = start(&guest).await;
    let grants = Grants::try_from(vec![grant("door", "open", &[O::InvokeAction])]).unwrap();
    let fewer = Change::SetRights { contact: who(&key), role: Role::Guest, grants };
    house.device.change_rights_here(fewer).await.unwrap();
    end(&house, Ok(Some(json!("secret"))));
    let told = next(&mut news).await.unwrap();
    assert_eq!((told.end, told.value, told.problem), (Some(End::Revoked), None, None));
    assert_eq!(
        code(&guest.ask(O::QueryAction, "door", "travel", input(id)).await),
        Some(ProblemCode::Refused)
    );
    assert_eq!(
        guest.ask(O::InvokeAction, "door", "open", None).await,
        Answer::Ok(Value::Null),
        "still there"
    );
}
