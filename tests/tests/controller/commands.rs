//! Pairing, reading, writing, invoking.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use streembit_controller::commands::{Patience, invoke, ls, read, td, write};
use streembit_controller::error::{Exit, Outcome};
use streembit_peer::rights::Role;

use super::people::{House, SOON, Someone, invoking};

async fn write(who: &Someone, address: &str, value: &str) -> Outcome<write::Written> {
    let args =
        write::Args { address: address.parse().unwrap(), value: value.into(), patience: Patience::default() };
    write::run(&who.desk, args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_pairs_once_and_names_what_was_found() {
    let house = House::new().await;
    let link = house.link(Role::Owner);
    let ada = Someone::new("Ada");
    let paired = ada.pair(&link).await.unwrap();
    assert_eq!((paired.met.device.as_str(), paired.met.role.as_deref()), ("house", Some("owner")));
    let names: Vec<_> = paired.things.iter().map(|thing| thing.name.as_str()).collect();
    assert_eq!(names, ["device", "door"]);
    assert_eq!(ada.read("door/state").await, Ok(json!("closed")));

    let eve = Someone::new("Eve");
    let failure = eve.pair(&link).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    assert!(failure.to_string().contains("streembit-agent pair"), "{failure}");
    assert!(eve.home.contacts().unwrap().all().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_does_moves_the_door_and_what_is_wrong_does_not() {
    let house = House::new().await;
    let ada = house.owner().await;

    assert_eq!(ada.invoke("open", None).await.unwrap().value, Value::Null);
    assert_eq!((house.door.moved(), house.door.property("state")), (1, json!("open")));
    assert_eq!(ada.invoke("house/door/turn", Some(r#"{"by": 45}"#)).await.unwrap().value, json!(45));
    write(&ada, "speed", "7").await.unwrap();
    write(&ada, "door/pin", "0042").await.unwrap();
    assert_eq!((house.door.property("speed"), house.door.property("pin")), (json!(7), json!("0042")));
    assert_eq!(house.door.moved(), 4);

    for (outcome, exit) in [
        (write(&ada, "speed", "fast").await.map(|_| ()), Exit::InvalidInput),
        (write(&ada, "speed", "70").await.map(|_| ()), Exit::InvalidInput),
        (write(&ada, "pin", "abc").await.map(|_| ()), Exit::InvalidInput),
        (ada.invoke("turn", Some(r#"{"by": 900}"#)).await.map(|_| ()), Exit::InvalidInput),
        (ada.invoke("turn", None).await.map(|_| ()), Exit::InvalidInput),
        (write(&ada, "state", "open").await.map(|_| ()), Exit::Refused),
        (ada.invoke("house/door/explode", None).await.map(|_| ()), Exit::Refused),
        (ada.read("house/gate/state").await.map(|_| ()), Exit::Refused),
        (ada.read("pin").await.map(|_| ()), Exit::Refused),
    ] {
        let failure = outcome.unwrap_err();
        assert_eq!(failure.exit, exit, "{failure}");
        assert!(failure.remedy.is_some() || !failure.candidates.is_empty(), "{failure}");
    }
    assert_eq!(house.door.moved(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_thing_its_description_and_the_list() {
    let house = House::new().await;
    let ada = house.owner().await;
    let all = read::Args { address: "house/door".parse().unwrap(), all: true, patience: Patience::default() };
    let all = read::run(&ada.desk, all).await.unwrap();
    assert_eq!(all.value, json!({"speed": 5, "state": "closed"}));

    let args = td::Args { address: "door".parse().unwrap(), patience: Patience::default() };
    let description = td::run(&ada.desk, args).await.unwrap().0;
    assert_eq!(description["title"], "Garage door");
    assert!(description["actions"]["turn"]["forms"].is_array());

    let listing = ls::run(&ada.desk, ls::Args::default()).await.unwrap();
    listing.verdict().unwrap();
    let door = listing.0[0].things.iter().find(|thing| thing.name == "door").unwrap();
    assert_eq!(door.state["state"], "closed");
    assert_eq!(door.actions, ["open", "travel", "turn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_takes_its_time_is_waited_for_or_asked_about() {
    let house = House::new().await;
    let ada = house.owner().await;
    let end = |door: Arc<super::door::Door>| async move {
        let call = loop {
            if let Some(call) = door.travelling.lock().unwrap().pop() {
                break call;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        call.end.tell(Ok(Some(json!("there"))));
    };
    let (invoked, ()) = tokio::join!(ada.invoke("travel", None), end(house.door.clone()));
    assert_eq!(invoked.unwrap().value, json!("there"));

    let no_wait = invoke::Args { no_wait: true, ..invoking("travel", None) };
    let pending = invoke::run(&ada.desk, no_wait).await.unwrap().pending.unwrap();
    let query = || async {
        let query = invoke::Args { query: Some(pending.clone()), ..invoking("travel", None) };
        invoke::run(&ada.desk, query).await.unwrap().value["status"].clone()
    };
    assert_eq!(query().await, "running");
    end(house.door.clone()).await;
    let ended = async {
        while query().await != "completed" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap();

    let impatient = Patience { timeout: Duration::from_millis(500) };
    let failure = invoke::run(&ada.desk, invoke::Args { patience: impatient, ..invoking("travel", None) })
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::TimedOut, "{failure}");
    assert!(failure.to_string().contains("--query"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_after_an_action_is_an_unknown_outcome_and_a_device_that_is_off_is_unreachable() {
    let mut house = House::new().await;
    let ada = house.owner().await;
    house.door.stuck.store(true, Ordering::SeqCst);
    let impatient = Patience { timeout: Duration::from_millis(500) };
    let failure = invoke::run(&ada.desk, invoke::Args { patience: impatient, ..invoking("open", None) })
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::OutcomeUnknown, "{failure}");
    let address = "state".parse().unwrap();
    let failure =
        read::run(&ada.desk, read::Args { address, all: false, patience: impatient }).await.unwrap_err();
    assert_eq!(failure.exit, Exit::TimedOut, "{failure}");

    house.stop().await;
    let failure = ada.read("state").await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable, "{failure}");
    let listing = ls::run(&ada.desk, ls::Args::default()).await.unwrap();
    assert_eq!(listing.verdict().unwrap_err().exit, Exit::Unreachable);
    assert_eq!(listing.0[0].things.len(), 2, "as it was last known");

    house.door.stuck.store(false, Ordering::SeqCst);
    house.start().await;
    assert_eq!(ada.read("state").await, Ok(json!("closed")), "the same program finds it again");
}
