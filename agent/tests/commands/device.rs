//! The device as a Thing.

use serde_json::{Value, json};
use streembit_peer::client::Connection;
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::Role;
use streembit_thing_descriptions::{Operation, ThingDescription};

use super::house::{Ask, House, code, grant};

async fn read(person: &Connection, property: &str) -> Value {
    match person.ask(O::ReadProperty, "device", property, None).await {
        Answer::Ok(value) => value,
        other => panic!("{property}: {other:?}"),
    }
}

#[tokio::test]
async fn an_owner_sees_all_of_it() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    assert_eq!(read(&owner, "version").await, json!("1.2.3"));
    assert_eq!(
        read(&owner, "identity").await,
        json!({ "manufacturer": "Maker", "model": "M1", "serial": "7" })
    );
    let status = read(&owner, "status").await;
    assert_eq!((&status["clock"], &status["things"]), (&json!("ntp"), &json!({ "door": "running" })));
    let head = read(&owner, "journalHead").await;
    assert_eq!(head["seq"], json!(house.device.journal().head().seq));
    let rights = read(&owner, "rights").await;
    assert_eq!(rights["contacts"][0]["role"], json!("owner"));
    let Answer::Ok(all) = owner.ask(O::ReadAllProperties, "device", "", None).await else { panic!("all") };
    assert_eq!(all.as_object().unwrap().len(), 7);
}

#[tokio::test]
async fn a_guest_sees_what_concerns_it() {
    let house = House::new().await;
    let key = house.admit(Role::Guest, vec![grant("door", "open", &[O::InvokeAction])]).await;
    house.admit(Role::Viewer, vec![]).await;
    let guest = house.enter(&key).await;
    let rights = read(&guest, "rights").await;
    assert_eq!(rights["contacts"].as_array().unwrap().len(), 1, "itself");
    assert_eq!(rights["contacts"][0]["contact"], json!(key.public().thumbprint()));
    for property in ["status", "version", "identity"] {
        let answer = guest.ask(O::ReadProperty, "device", property, None).await;
        assert_eq!(code(&answer), Some(ProblemCode::Refused));
    }
    for action in ["readJournal", "changeRights"] {
        let answer = guest.ask(O::InvokeAction, "device", action, Some(json!({ "change": "x" }))).await;
        assert_eq!(code(&answer), Some(ProblemCode::Refused));
    }
}

#[tokio::test]
async fn descriptions_are_built_up_from_what_their_reader_may_do() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let Value::Array(all) = read(&owner, "things").await else { panic!("an array") };
    let names: Vec<_> = all.iter().map(|td| td["streembit:name"].as_str().unwrap()).collect();
    assert_eq!(names, ["device", "door"]);
    for td in &all {
        ThingDescription::from_value(td).unwrap();
    }
    let door = ThingDescription::from_value(&all[1]).unwrap();
    assert!(door.offers("open", Operation::InvokeAction) && door.offers("speed", Operation::WriteProperty));

    let key = house.admit(Role::Guest, vec![grant("door", "open", &[O::InvokeAction])]).await;
    let guest = house.enter(&key).await;
    let Value::Array(some) = read(&guest, "things").await else { panic!("an array") };
    let door = some.iter().find(|td| td["streembit:name"] == "door").unwrap();
    assert_eq!(door["actions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["open"]);
    assert!(door.get("properties").is_none() && door.get("events").is_none());
    let text = door.to_string();
    for hidden in ["state", "speed", "pin", "turn", "travel", "bell", "obstruction"] {
        assert!(!text.contains(hidden), "{hidden} is not the guest's business");
    }

    let nobody = house.enter(&house.admit(Role::Guest, vec![]).await).await;
    let Value::Array(none) = read(&nobody, "things").await else { panic!("an array") };
    assert!(none.iter().all(|td| td["streembit:name"] == "device"));
}

#[tokio::test]
async fn what_a_description_offers_is_granted_and_what_it_does_not_offer_is_refused() {
    let house = House::new().await;
    let grants =
        vec![grant("door", "speed", &[O::ReadProperty]), grant("door", "bell", &[O::SubscribeEvent])];
    let guest = house.enter(&house.admit(Role::Guest, grants).await).await;
    let Value::Array(all) = read(&guest, "things").await else { panic!("an array") };
    let door = all.iter().find(|td| td["streembit:name"] == "door").unwrap();
    let door = ThingDescription::from_value(door).unwrap();
    for (op, affordance, input) in [
        (O::ReadProperty, "speed", None),
        (O::WriteProperty, "speed", Some(json!(1))),
        (O::ObserveProperty, "speed", None),
        (O::ReadProperty, "state", None),
        (O::InvokeAction, "open", None),
        (O::SubscribeEvent, "bell", None),
        (O::SubscribeEvent, "obstruction", None),
    ] {
        let offered = door.offers(affordance, op.as_str().parse().unwrap());
        let answer = guest.ask(op, "door", affordance, input).await;
        assert_eq!(offered, matches!(answer, Answer::Ok(_)), "{op} {affordance}: {answer:?}");
    }
}

#[tokio::test]
async fn the_journal_is_read_by_who_may() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    owner.ask(O::InvokeAction, "door", "open", None).await;
    let input = Some(json!({ "from": 1, "limit": 3 }));
    let Answer::Ok(page) = owner.ask(O::InvokeAction, "device", "readJournal", input).await else {
        panic!("a page")
    };
    assert_eq!(page["entries"].as_array().unwrap().len(), 3);
    assert_eq!(page["entries"][0]["seq"], json!(1));
    let grants = vec![grant("device", "readJournal", &[O::InvokeAction])];
    let auditor = house.enter(&house.admit(Role::Guest, grants).await).await;
    let answer = auditor.ask(O::InvokeAction, "device", "readJournal", Some(json!({}))).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
    let operator = house.enter(&house.admit(Role::Operator, vec![]).await).await;
    let answer = operator.ask(O::InvokeAction, "device", "readJournal", Some(json!({}))).await;
    assert_eq!(code(&answer), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn health_is_for_owners_and_for_whom_it_was_granted() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    // No agent is around this device that could look at anything.
    assert_eq!(read(&owner, "health").await, json!([]));
    let grants = vec![grant("device", "health", &[O::ReadProperty])];
    let caretaker = house.enter(&house.admit(Role::Guest, grants).await).await;
    assert_eq!(read(&caretaker, "health").await, json!([]));
    let operator = house.enter(&house.admit(Role::Operator, vec![]).await).await;
    let answer = operator.ask(O::ReadProperty, "device", "health", None).await;
    assert_eq!(code(&answer), Some(ProblemCode::Refused));
    let Answer::Ok(all) = operator.ask(O::ReadAllProperties, "device", "", None).await else { panic!("all") };
    assert!(all.get("health").is_none() && all.get("status").is_some(), "{all}");
}

#[tokio::test]
async fn reading_the_journal_writes_no_more_than_other_reads() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    // More pages than a contact may have answers kept.
    for _ in 0..300 {
        let answer = owner.ask(O::InvokeAction, "device", "readJournal", Some(json!({ "limit": 1 }))).await;
        assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
    }
    let entries = house.device.journal().head().seq;
    assert!(entries < 100, "300 pages were read, and the journal has {entries} entries");
    assert!(matches!(owner.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(_)));
}
