//! What is on disk before anything moves, and what happens without a disk or without a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use streembit_agent::clock::VirtualTime;
use streembit_agent::journal::{Outcome, What};
use streembit_agent::session::Limits;
use streembit_peer::message::{ActionId, Answer, Operation as O, Problem, ProblemCode};
use streembit_peer::rights::{Day, Grant, Role, WeeklyHours};

use super::house::{Ask, House, NOON, call, code, grant};

#[tokio::test]
async fn an_action_leaves_its_intent_and_its_outcome_and_keeps_no_secret_of_a_link() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let turned = owner.respond(&call(O::InvokeAction, "door", "turn", Some(json!({ "by": 3 })))).await;
    let entries = house.device.journal().read(1, 100).await.unwrap();
    let [.., intent, outcome] = entries.as_slice() else { panic!("two entries at least") };
    assert!(matches!(&intent.body.what, What::Intent { op: O::InvokeAction, .. }));
    assert!(intent.input.is_some(), "the input lies beside the entry");
    assert_eq!(
        outcome.body.what,
        What::Outcome { intent: intent.body.seq, result: Outcome::Ok, moved: true }
    );
    let receipt = turned.receipt.unwrap();
    assert_eq!((receipt.seq, receipt.head), (outcome.body.seq, outcome.head));
    assert!(house.device.journal().verify(Some(receipt)).await.unwrap().holds());
}

#[tokio::test]
async fn without_a_journal_nothing_moves_and_reading_goes_on() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    house.break_journal(true);
    for (op, affordance, input) in
        [(O::InvokeAction, "open", None), (O::WriteProperty, "speed", Some(json!(1)))]
    {
        let answer = owner.ask(op, "door", affordance, input).await;
        assert_eq!(code(&answer), Some(ProblemCode::NotRecorded));
    }
    assert_eq!(house.door.moved(), 0);
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
    house.break_journal(false);
    assert_eq!(owner.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn a_change_of_rights_that_cannot_be_recorded_does_not_count() {
    let house = House::new().await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let viewer = house.enter(&key).await;
    house.break_journal(true);
    let contact = key.public().thumbprint();
    house.device.change_rights_here(streembit_peer::rights::Change::Revoke { contact }).await.unwrap_err();
    assert_eq!(viewer.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
}

fn timed(grant: Grant) -> Grant {
    Grant { not_before: Some(NOON - 60), not_after: Some(NOON + 60), ..grant }
}

#[tokio::test]
async fn a_timed_grant_holds_in_its_time_and_neither_before_nor_after() {
    let house = House::new().await;
    let key = house.admit(Role::Guest, vec![timed(grant("door", "open", &[O::InvokeAction]))]).await;
    let guest = house.enter(&key).await;
    assert_eq!(guest.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    house.time.pass(Duration::from_secs(60));
    // The caller's own clock goes on with the device's: a new session, or its requests would look too old.
    let guest = house.enter(&key).await;
    assert_eq!(code(&guest.ask(O::InvokeAction, "door", "open", None).await), Some(ProblemCode::Refused));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn a_device_in_1970_serves_untimed_grants_and_says_clock_to_timed_ones() {
    let house = House::build(VirtualTime::new(0, false), Limits::default());
    house.claim().await;
    let grants =
        vec![grant("door", "open", &[O::InvokeAction]), timed(grant("door", "turn", &[O::InvokeAction]))];
    let key = house.admit(Role::Guest, grants).await;
    let guest = house.enter(&key).await;
    assert_eq!(guest.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    let turn = || guest.ask(O::InvokeAction, "door", "turn", Some(json!({ "by": 1 })));
    assert_eq!(code(&turn().await), Some(ProblemCode::Clock));
    assert_eq!(house.door.moved(), 1);
    // An owner's session vouches for the time.
    let _owner = house.enter(&house.owner).await;
    assert_eq!(turn().await, Answer::Ok(json!(1)));
    assert_eq!(house.door.moved(), 2);
}

#[tokio::test]
async fn a_guests_clock_vouches_for_nothing() {
    let house = House::build(VirtualTime::new(0, false), Limits::default());
    house.claim().await;
    let key = house.admit(Role::Operator, vec![]).await;
    house.enter(&key).await.ask(O::ReadProperty, "door", "state", None).await;
    assert_eq!(house.device.clock().now().trusted, None);
}

#[tokio::test]
async fn denials_are_kept_beside_the_chain() {
    let house = House::new().await;
    let key = house.admit(Role::Guest, vec![]).await;
    let guest = house.enter(&key).await;
    let before = house.device.journal().head();
    for _ in 0..50 {
        guest.ask(O::InvokeAction, "door", "open", None).await;
    }
    house.device.journal().flush().await.unwrap();
    assert_eq!(house.device.journal().head(), before, "a flood of denials does not grow the chain");
    let denials = house.device.journal().denials(10).await.unwrap();
    assert_eq!(denials.iter().map(|denial| denial.times).sum::<u64>(), 50);
    let denial = &denials[0].denial;
    assert_eq!(denial.caller, Some(key.public().thumbprint()));
    assert_eq!((denial.op, denial.affordance.as_deref()), (Some(O::InvokeAction), Some("open")));
}

/// The reasons in the ring, with how often each.
async fn reasons(house: &House) -> BTreeMap<String, u64> {
    house.device.journal().flush().await.unwrap();
    let mut reasons = BTreeMap::new();
    for record in house.device.journal().denials(1000).await.unwrap() {
        *reasons.entry(record.denial.why.into_owned()).or_default() += record.times;
    }
    reasons
}

#[tokio::test]
async fn the_owner_sees_why_something_was_denied_and_the_caller_does_not() {
    let house = House::new().await;
    let (from, to) = ("13:00".parse().unwrap(), "14:00".parse().unwrap());
    let weekly = vec![WeeklyHours { zone: "UTC".parse().unwrap(), days: Day::ALL.to_vec(), from, to }];
    let later = Grant { weekly, ..grant("door", "open", &[O::InvokeAction]) };
    let travels = grant("door", "travel", &[O::InvokeAction, O::CancelAction]);
    let anything = grant("nothing", "*", &[O::ReadProperty]);
    let none_of_it = grant("door", "nothing", &[O::ReadProperty]);
    let key = house.admit(Role::Guest, vec![later, travels, anything, none_of_it]).await;
    let guest = house.enter(&key).await;
    let foreign = Some(json!({ "action": ActionId::from_bytes([7; 16]) }));
    for (op, thing, affordance, input, why) in [
        (O::InvokeAction, "door", "open", None, "not at this time"),
        (O::InvokeAction, "door", "turn", None, "no grant"),
        (O::ReadProperty, "nothing", "state", None, "no such thing"),
        (O::ReadProperty, "door", "nothing", None, "no such affordance, or not with this operation"),
        (O::QueryAction, "door", "travel", foreign.clone(), "no such action of this caller"),
        (O::CancelAction, "door", "travel", foreign, "no such action of this caller"),
        (O::ReadAllProperties, "door", "", None, "no grant for any of its properties"),
    ] {
        let before = reasons(&house).await.get(why).copied().unwrap_or(0);
        let answer = guest.ask(op, thing, affordance, input).await;
        assert_eq!(answer, Answer::Problem(Problem::new(ProblemCode::Refused)), "{op} {thing} {affordance}");
        assert_eq!(reasons(&house).await.get(why), Some(&(before + 1)), "{op} {thing} {affordance}");
    }
    assert_eq!(reasons(&house).await.values().sum::<u64>(), 7, "each once, and nothing else");
    let entries = house.device.journal().read(1, 100).await.unwrap();
    let reads = entries.iter().filter(|entry| matches!(entry.body.what, What::Reads { .. }));
    assert_eq!(reads.count(), 0, "what was denied was not read");
}

#[tokio::test]
async fn a_denial_after_the_intent_is_on_disk_is_seen_too() {
    let house = House::new().await;
    let (from, to) = ("08:00".parse().unwrap(), "13:00".parse().unwrap());
    let weekly = vec![WeeklyHours { zone: "UTC".parse().unwrap(), days: Day::ALL.to_vec(), from, to }];
    let until_one = Grant { weekly, ..grant("door", "open", &[O::InvokeAction]) };
    let guest = house.enter(&house.admit(Role::Guest, vec![until_one]).await).await;
    let head = house.device.journal().head();
    // The disk keeps the intent waiting while the guest's hours end.
    let disk = rusqlite::Connection::open(house.folder.join("state.db")).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = tokio::spawn(async move { guest.ask(O::InvokeAction, "door", "open", None).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    house.time.pass(Duration::from_secs(3600));
    disk.execute_batch("ROLLBACK").unwrap();
    assert_eq!(code(&asked.await.unwrap()), Some(ProblemCode::Refused));
    assert!(house.device.journal().head().seq > head.seq, "its intent is there, so it was denied late");
    assert_eq!(house.door.moved(), 0);
    assert_eq!(reasons(&house).await, BTreeMap::from([("not at this time".to_owned(), 1)]));
}

#[tokio::test]
async fn reads_are_recorded_in_batches() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    for _ in 0..20 {
        owner.ask(O::ReadProperty, "door", "state", None).await;
    }
    house.device.journal().flush().await.unwrap();
    let entries = house.device.journal().read(1, 100).await.unwrap();
    let times: u64 = entries
        .iter()
        .filter_map(|entry| match &entry.body.what {
            What::Reads { reads, .. } => Some(reads.iter().map(|read| read.times).sum::<u64>()),
            _ => None,
        })
        .sum();
    assert_eq!(times, 20);
}
