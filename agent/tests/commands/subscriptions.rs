//! Observing and subscribing.

use std::sync::Arc;

use serde_json::{Value, json};
use streembit_agent::command::MAX_SUBSCRIPTIONS;
use streembit_peer::client::Subscription;
use streembit_peer::message::{Answer, End, MAX_VALUE, NotificationKind, Operation as O, ProblemCode};
use streembit_peer::rights::Role;
use tokio::sync::Notify;

use super::house::{Ask, House, code, grant, next, until};
use super::log::Log;
use super::stand_in::StandIn;

const CAMERA: &str = r#"{
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "@type": "tm:ThingModel",
  "title": "Camera",
  "properties": { "note": { "type": "string", "readOnly": true, "observable": true } },
  "events": { "remark": { "data": { "type": "string" } } }
}"#;

#[tokio::test]
async fn an_observer_hears_of_every_change_in_order() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut news = owner.listen(O::ObserveProperty, "door", "state").await;
    for (n, value) in ["open", "closed", "open"].into_iter().enumerate() {
        house.door.changed("state", json!(value));
        let told = next(&mut news).await.unwrap();
        assert_eq!(
            (told.n, told.value, told.kind),
            (n as u64 + 1, Some(json!(value)), NotificationKind::Property)
        );
        assert_eq!((told.missed, told.end), (0, None));
    }
}

#[tokio::test]
async fn a_movement_is_told_to_who_observes_it_in_another_session() {
    let house = House::new().await;
    let watcher = house.enter(&house.admit(Role::Viewer, vec![]).await).await;
    let mut news = watcher.listen(O::ObserveProperty, "door", "state").await;
    house.enter(&house.owner).await.ask(O::InvokeAction, "door", "open", None).await;
    assert_eq!(next(&mut news).await.unwrap().value, Some(json!("open")));
}

#[tokio::test]
async fn events_come_with_and_without_data() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut obstruction = owner.listen(O::SubscribeEvent, "door", "obstruction").await;
    let mut bell = owner.listen(O::SubscribeEvent, "door", "bell").await;
    house.door.event("obstruction", Some(json!(4)));
    house.door.event("bell", None);
    assert_eq!(next(&mut obstruction).await.unwrap().value, Some(json!(4)));
    assert_eq!(next(&mut bell).await.unwrap().value, None);
}

#[tokio::test]
async fn what_does_not_fit_the_model_is_not_passed_on() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut state = owner.listen(O::ObserveProperty, "door", "state").await;
    let mut obstruction = owner.listen(O::SubscribeEvent, "door", "obstruction").await;
    house.door.changed("state", json!("ajar"));
    house.door.event("obstruction", Some(json!("high")));
    house.door.event("obstruction", None);
    house.door.changed("state", json!("open"));
    house.door.event("obstruction", Some(json!(1)));
    assert_eq!(next(&mut state).await.unwrap().value, Some(json!("open")));
    assert_eq!(next(&mut obstruction).await.unwrap().value, Some(json!(1)));
}

/// A Thing may be in somebody's hands, and what it says wrongly must not fill the log.
#[tokio::test]
async fn a_flood_of_what_does_not_fit_is_a_line_of_each_kind() {
    let (log, _kept) = Log::keep();
    let house = House::new().await;
    let camera = StandIn::with_model(CAMERA);
    house.device.things().put("camera".into(), camera.clone());
    let owner = house.enter(&house.owner).await;
    let mut obstruction = owner.listen(O::SubscribeEvent, "door", "obstruction").await;
    let mut note = owner.listen(O::ObserveProperty, "camera", "note").await;
    for n in 1..=20 {
        house.door.event("obstruction", Some(json!("high")));
        house.door.event("obstruction", Some(json!(n)));
        assert_eq!(next(&mut obstruction).await.unwrap().value, Some(json!(n)));
        camera.changed("note", json!("n".repeat(2 * MAX_VALUE)));
        assert_eq!(next(&mut note).await.unwrap().missed, 1);
    }
    let outside = log.lines_with("outside the Thing's own model");
    assert_eq!(outside.len(), 1, "{outside:?}");
    assert!(outside[0].contains("thing=door") && outside[0].contains("obstruction"), "{outside:?}");
    let long = log.lines_with("does not fit a message");
    assert_eq!(long.len(), 1, "{long:?}");
    // The one does not hide the other, nor one Thing another.
    camera.changed("note", json!(1));
    camera.changed("note", json!("short"));
    next(&mut note).await.unwrap();
    assert_eq!(log.lines_with("outside the Thing's own model").len(), 2);
}

#[tokio::test]
async fn whoever_stops_listening_hears_no_more() {
    let house = House::new().await;
    let mut owner = house.enter_by_hand(&house.owner).await;
    for (begin, end, affordance) in [
        (O::ObserveProperty, O::UnobserveProperty, "state"),
        (O::SubscribeEvent, O::UnsubscribeEvent, "bell"),
    ] {
        let request = owner.request(begin, "door", affordance);
        owner.exchange(&request).await.unwrap();
        let request = owner.request(end, "door", affordance);
        let told = [owner.exchange(&request).await.unwrap(), owner.receive().await.unwrap()];
        assert!(told.iter().any(|told| told.contains(r#""ok":null"#)), "{told:?}");
        assert!(told.iter().any(|told| told.contains(r#""end":"unsubscribed""#)), "{told:?}");
        house.door.changed("state", json!("open"));
        house.door.event("bell", None);
        let request = owner.request(O::ReadProperty, "door", "state");
        let answer = owner.exchange(&request).await.unwrap();
        assert!(answer.contains(r#""ok":"open""#), "and nothing before it: {answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_observed_is_not_there() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    for (op, affordance) in
        [(O::ObserveProperty, "pin"), (O::ObserveProperty, "bell"), (O::SubscribeEvent, "state")]
    {
        assert_eq!(code(&owner.ask(op, "door", affordance, None).await), Some(ProblemCode::Refused));
    }
}

#[tokio::test]
async fn a_reader_who_is_stuck_costs_a_bounded_backlog_and_learns_what_it_missed() {
    let house = House::new().await;
    let mut stuck = house.enter_by_hand(&house.owner).await;
    for (op, affordance) in [(O::ObserveProperty, "speed"), (O::SubscribeEvent, "obstruction")] {
        let request = stuck.request(op, "door", affordance);
        stuck.exchange(&request).await.unwrap();
    }
    let other = house.enter(&house.owner).await;
    let mut quick = other.listen(O::SubscribeEvent, "door", "obstruction").await;
    let many = 500;
    for n in 1..=many {
        house.door.changed("speed", json!(n % 10 + 1));
        house.door.event("obstruction", Some(json!(n)));
        // Who reads is not held up by who does not.
        assert_eq!(next(&mut quick).await.unwrap().value, Some(json!(n)));
    }
    let (mut told, mut missed, mut last) = ([0, 0], [0, 0], Value::Null);
    while told[0] + missed[0] < many || told[1] + missed[1] < many {
        let news: Value = serde_json::from_str(&stuck.receive().await.unwrap()).unwrap();
        let which = usize::from(news["kind"] == "event");
        told[which] += 1;
        assert_eq!(news["n"], told[which], "without gaps");
        missed[which] += news["missed"].as_u64().unwrap_or(0);
        if which == 1 {
            last = news["value"].clone();
        }
    }
    assert_eq!(last, json!(many), "the newest is never dropped");
    assert!(missed[0] > 0 && missed[1] > 0, "it was slow");
}

#[tokio::test]
async fn who_observes_what_changed_unheard_learns_of_it_and_of_the_value() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut state = owner.listen(O::ObserveProperty, "door", "state").await;
    let mut obstruction = owner.listen(O::SubscribeEvent, "door", "obstruction").await;
    // More than is kept for the device's own listener, which gets no turn meanwhile.
    house.door.changed("state", json!("open"));
    house.door.event("obstruction", Some(json!(1)));
    (0..1000).for_each(|_| house.door.event("bell", None));
    let told = next(&mut obstruction).await.unwrap();
    assert!(told.missed > 0 && told.value.is_none() && told.problem.is_some(), "{told:?}");
    let mut told = next(&mut state).await.unwrap();
    let missed = told.missed;
    if told.value.is_none() {
        told = next(&mut state).await.unwrap();
    }
    assert!(missed > 0);
    assert_eq!((told.value, told.problem), (Some(json!("open")), None));
}

#[tokio::test]
async fn who_observes_a_thing_that_always_tells_too_much_learns_every_value() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut state = owner.listen(O::ObserveProperty, "door", "state").await;
    let mut speed = owner.listen(O::ObserveProperty, "door", "speed").await;
    let hold = Arc::new(Notify::new());
    house.door.behaviour.lock().unwrap().hold = Some(Arc::clone(&hold));
    // After each read more is lost, before the next one has its answer.
    for reads in 0..2 {
        (0..1000).for_each(|_| house.door.event("bell", None));
        assert!(next(&mut state).await.unwrap().missed > 0);
        hold.notify_one();
        until("it is read", || house.door.reads() > reads).await;
    }
    let value = async |news: &mut Subscription| loop {
        if let Some(value) = next(news).await.unwrap().value {
            return value;
        }
    };
    assert_eq!((value(&mut state).await, value(&mut speed).await), (json!("closed"), json!(5)));
    // Once more, because of what was lost meanwhile.
    for reads in 2..4 {
        hold.notify_one();
        until("it is read again", || house.door.reads() > reads).await;
    }
    assert_eq!((value(&mut state).await, value(&mut speed).await), (json!("closed"), json!(5)));
}

#[tokio::test]
async fn a_value_that_fits_no_message_is_told_as_missed() {
    let house = House::new().await;
    let camera = StandIn::with_model(CAMERA);
    house.device.things().put("camera".into(), camera.clone());
    let owner = house.enter(&house.owner).await;
    let mut news = owner.listen(O::ObserveProperty, "camera", "note").await;
    camera.changed("note", json!("n".repeat(2 * MAX_VALUE)));
    let told = next(&mut news).await.unwrap();
    assert_eq!((told.n, told.missed, told.value), (1, 1, None));
    camera.changed("note", json!("short"));
    let told = next(&mut news).await.unwrap();
    assert_eq!((told.n, told.missed, told.value), (2, 0, Some(json!("short"))));
    // An event without data would look like that, but for the problem.
    let mut remarks = owner.listen(O::SubscribeEvent, "camera", "remark").await;
    camera.event("remark", Some(json!("n".repeat(2 * MAX_VALUE))));
    let told = next(&mut remarks).await.unwrap();
    assert_eq!((told.n, told.missed, told.value), (1, 1, None));
    assert_eq!(told.problem.unwrap().code, ProblemCode::OutputLost);
}

#[tokio::test]
async fn a_subscription_asked_for_again_takes_the_place_of_the_first() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut first = owner.listen(O::SubscribeEvent, "door", "bell").await;
    let mut second = owner.listen(O::SubscribeEvent, "door", "bell").await;
    house.door.event("bell", None);
    assert_eq!(next(&mut second).await.unwrap().n, 1);
    owner.close();
    assert_eq!(next(&mut first).await, None);
}

#[tokio::test]
async fn subscriptions_are_bounded_by_session() {
    let house = House::new().await;
    let model: String = format!(
        r#"{{"@context":"https://www.w3.org/2022/wot/td/v1.1","@type":"tm:ThingModel","title":"Many","events":{{{}}}}}"#,
        (0..=MAX_SUBSCRIPTIONS).map(|n| format!(r#""e{n}":{{}}"#)).collect::<Vec<_>>().join(",")
    );
    house.device.things().put("many".into(), StandIn::with_model(&model));
    let owner = house.enter(&house.owner).await;
    for n in 0..MAX_SUBSCRIPTIONS {
        let answer = owner.ask(O::SubscribeEvent, "many", &format!("e{n}"), None).await;
        assert_eq!(answer, Answer::Ok(Value::Null));
    }
    let more = format!("e{MAX_SUBSCRIPTIONS}");
    assert_eq!(code(&owner.ask(O::SubscribeEvent, "many", &more, None).await), Some(ProblemCode::Busy));
}

#[tokio::test]
async fn the_subscriptions_of_a_thing_that_is_replaced_end() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut bell = owner.listen(O::SubscribeEvent, "door", "bell").await;
    let House { door, device, .. } = house;
    device.things().remove("door");
    drop(door);
    assert_eq!(next(&mut bell).await.unwrap().end, Some(End::Gone));
}

#[tokio::test]
async fn a_device_that_stops_says_so() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut bell = owner.listen(O::SubscribeEvent, "door", "bell").await;
    house.server.close().await;
    assert_eq!(next(&mut bell).await.unwrap().end, Some(End::Stopping));
    owner.closed().await;
    assert!(house.try_enter(&house.owner, house.known()).await.is_none(), "nobody comes in any more");
}

#[tokio::test]
async fn a_grant_to_observe_is_for_one_property() {
    let house = House::new().await;
    let key = house.admit(Role::Guest, vec![grant("door", "state", &[O::ObserveProperty])]).await;
    let guest = house.enter(&key).await;
    let mut state = guest.listen(O::ObserveProperty, "door", "state").await;
    house.door.changed("speed", json!(7));
    house.door.changed("state", json!("open"));
    assert_eq!(next(&mut state).await.unwrap().value, Some(json!("open")));
    for (op, affordance) in
        [(O::ObserveProperty, "speed"), (O::SubscribeEvent, "bell"), (O::ReadProperty, "state")]
    {
        assert_eq!(code(&guest.ask(op, "door", affordance, None).await), Some(ProblemCode::Refused));
    }
}
