//! Once the device knows of a revocation, everything of that contact ends.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use streembit_agent::clock::VirtualTime;
use streembit_agent::device::Admission;
use streembit_agent::session::Limits;
use streembit_keys::rng;
use streembit_peer::link::Secret;
use streembit_peer::message::{Answer, End, Operation as O, ProblemCode};
use streembit_peer::rights::{Change, Day, Grants, Role, WeeklyHours};
use streembit_peer::session::Remote;
use tokio::sync::Notify;

use super::house::{Ask, House, NOON, SOON, call, code, grant, label, new_key, next, until, who};

#[tokio::test]
async fn an_open_session_with_an_open_observation_ends_before_the_change_is_acknowledged() {
    let house = House::new().await;
    let key = house.admit(Role::Operator, vec![]).await;
    let guest = house.enter(&key).await;
    let mut state = guest.listen(O::ObserveProperty, "door", "state").await;
    let owner = house.enter(&house.owner).await;
    let change = house.signed(&house.owner, Change::Revoke { contact: who(&key) });
    let answer =
        owner.ask(O::InvokeAction, "device", "changeRights", Some(json!({ "change": change }))).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
    assert_eq!(house.device.callers().count(), 1, "only the owner's session is left");
    house.door.changed("state", json!("open"));
    assert_eq!(next(&mut state).await, None);
    guest.closed().await;
    assert!(house.try_enter(&key, house.known()).await.is_none());
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("open")));
}

#[tokio::test]
async fn the_owner_at_the_device_revokes_as_well() {
    let house = House::new().await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let (first, second) = (house.enter(&key).await, house.enter(&key).await);
    house.revoke(&key).await;
    assert_eq!(house.device.callers().count(), 0);
    first.closed().await;
    second.closed().await;
}

#[tokio::test]
async fn who_asked_for_a_revocation_and_is_gone_does_not_keep_the_session_open() {
    let house = House::new().await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let guest = house.enter(&key).await;
    let mut state = guest.listen(O::ObserveProperty, "door", "state").await;
    let mut change = Box::pin(house.device.change_rights_here(Change::Revoke { contact: who(&key) }));
    // Its first step and no more, as when the asker's connection breaks right then.
    std::future::poll_fn(|context| {
        assert!(change.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    until("the change is on disk", || house.device.rights().is_revoked(&who(&key))).await;
    drop(change);
    tokio::time::timeout(SOON, guest.closed()).await.expect("the session ends all the same");
    assert_eq!(next(&mut state).await, None);
    until("nothing is left of it", || house.device.callers().count() == 0).await;
}

#[tokio::test]
async fn work_that_waits_at_the_door_is_given_up_and_never_done() {
    let house = House::new().await;
    let hold = Arc::new(Notify::new());
    house.door.behaviour.lock().unwrap().hold = Some(Arc::clone(&hold));
    let key = house.admit(Role::Operator, vec![]).await;
    let guest = house.enter(&key).await;
    for _ in 0..10 {
        let guest = guest.clone();
        tokio::spawn(async move {
            guest.call(&call(O::InvokeAction, "door", "open", None), Duration::from_secs(60)).await
        });
    }
    let journal = house.device.journal();
    until("all intents are on disk", || journal.head().seq >= 12).await;
    house.revoke(&key).await;
    hold.notify_waiters();
    house.door.behaviour.lock().unwrap().hold = None;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.door.moved(), 0);
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds());
}

#[tokio::test]
async fn a_narrower_grant_ends_the_subscriptions_that_it_does_not_cover() {
    let house = House::new().await;
    let grants =
        vec![grant("door", "state", &[O::ObserveProperty]), grant("door", "bell", &[O::SubscribeEvent])];
    let key = house.admit(Role::Guest, grants).await;
    let guest = house.enter(&key).await;
    let mut state = guest.listen(O::ObserveProperty, "door", "state").await;
    let mut bell = guest.listen(O::SubscribeEvent, "door", "bell").await;
    let grants = Grants::try_from(vec![grant("door", "bell", &[O::SubscribeEvent])]).unwrap();
    let change = Change::SetRights { contact: who(&key), role: Role::Guest, grants };
    house.device.change_rights_here(change).await.unwrap();
    house.door.changed("state", json!("open"));
    house.door.event("bell", None);
    let end = next(&mut state).await.unwrap();
    assert_eq!((end.end, end.value), (Some(End::Revoked), None));
    assert_eq!(next(&mut bell).await.unwrap().end, None, "what is still granted goes on");
    assert_eq!(code(&guest.ask(O::ObserveProperty, "door", "state", None).await), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn a_subscription_ends_when_its_hours_do() {
    let house = House::new().await;
    let (from, to) = ("08:00".parse().unwrap(), "13:00".parse().unwrap());
    let weekly = vec![WeeklyHours { zone: "UTC".parse().unwrap(), days: Day::ALL.to_vec(), from, to }];
    let grants =
        vec![streembit_peer::rights::Grant { weekly, ..grant("door", "state", &[O::ObserveProperty]) }];
    let guest = house.enter(&house.admit(Role::Guest, grants).await).await;
    let mut state = guest.listen(O::ObserveProperty, "door", "state").await;
    house.door.changed("state", json!("open"));
    assert_eq!(next(&mut state).await.unwrap().value, Some(json!("open")));
    house.time.pass(Duration::from_secs(3600));
    house.door.changed("state", json!("closed"));
    let end = next(&mut state).await.unwrap();
    assert_eq!((end.end, end.value), (Some(End::Revoked), None), "nothing is told after hours");
}

#[tokio::test]
async fn two_owners_who_revoke_each_other_do_not_wait_for_ever() {
    let house = House::new().await;
    let second = new_key();
    let change = Change::Admit {
        key: second.public().clone(),
        name: label("second"),
        role: Role::Owner,
        grants: Grants::default(),
    };
    let owner = house.enter(&house.owner).await;
    let change = house.signed(&house.owner, change);
    owner.ask(O::InvokeAction, "device", "changeRights", Some(json!({ "change": change }))).await;
    let other = house.enter(&second).await;
    let first_revokes = house.signed(&house.owner, Change::Revoke { contact: who(&second) });
    let second_revokes = house.signed(&second, Change::Revoke { contact: who(&house.owner) });
    let (one, two) = (
        call(O::InvokeAction, "device", "changeRights", Some(json!({ "change": first_revokes }))),
        call(O::InvokeAction, "device", "changeRights", Some(json!({ "change": second_revokes }))),
    );
    let within = Duration::from_secs(4);
    let (one, two) = tokio::join!(owner.call(&one, within), other.call(&two, within));
    let done = |answer: Result<streembit_peer::message::Response, _>| {
        answer.is_ok_and(|response| matches!(response.result, Answer::Ok(_)))
    };
    assert!(done(one) ^ done(two), "one of them won, at once");
    assert_eq!(house.device.rights().contacts().count(), 1);
}

#[tokio::test]
async fn who_leaves_by_itself_gets_its_answer() {
    let house = House::new().await;
    let second = new_key();
    let change = Change::Admit {
        key: second.public().clone(),
        name: label("second"),
        role: Role::Owner,
        grants: Grants::default(),
    };
    let owner = house.enter(&house.owner).await;
    let change = house.signed(&house.owner, change);
    owner.ask(O::InvokeAction, "device", "changeRights", Some(json!({ "change": change }))).await;
    let change = house.signed(&house.owner, Change::Revoke { contact: who(&house.owner) });
    let answer =
        owner.ask(O::InvokeAction, "device", "changeRights", Some(json!({ "change": change }))).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
    owner.closed().await;
    until("the session is gone", || house.device.callers().count() == 0).await;
}

#[tokio::test]
async fn a_change_that_is_not_an_owners_changes_nothing() {
    let house = House::new().await;
    let key = house.admit(Role::Operator, vec![]).await;
    let operator = house.enter(&key).await;
    let owner = house.enter(&house.owner).await;
    let seq = house.device.rights().seq();
    let by_operator = house.signed(&key, Change::Revoke { contact: who(&house.owner) });
    // Neither may an operator bring a change, nor does an owner who brings it make it right.
    let input = Some(json!({ "change": by_operator }));
    let refused = operator.ask(O::InvokeAction, "device", "changeRights", input.clone()).await;
    assert_eq!(code(&refused), Some(ProblemCode::Refused));
    let failed = owner.ask(O::InvokeAction, "device", "changeRights", input).await;
    assert_eq!(code(&failed), Some(ProblemCode::Failed));
    let replayed = house.signed(&house.owner, Change::Revoke { contact: who(&key) });
    house.admit(Role::Viewer, vec![]).await;
    let failed =
        owner.ask(O::InvokeAction, "device", "changeRights", Some(json!({ "change": replayed }))).await;
    assert_eq!(code(&failed), Some(ProblemCode::Failed), "its place in the sequence is taken");
    assert_eq!(house.device.rights().seq(), seq + 1);
    assert_eq!(operator.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
}

#[tokio::test]
async fn who_listens_to_the_device_hears_of_what_is_suspicious() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut alarms = owner.listen(O::SubscribeEvent, "device", "securityEvent").await;
    let key = house.admit(Role::Viewer, vec![]).await;
    let mut viewer = house.enter_by_hand(&key).await;
    viewer.send("garbage").await;
    assert_eq!(viewer.receive().await, None);
    let told = next(&mut alarms).await.unwrap().value.unwrap();
    assert_eq!((&told["what"], &told["contact"]), (&json!("hostile-message"), &json!(who(&key))));
}

#[tokio::test]
async fn who_listens_to_the_device_hears_of_changes() {
    let house = House::new().await;
    let owner = house.enter(&house.owner).await;
    let mut changes = owner.listen(O::SubscribeEvent, "device", "contactsChanged").await;
    house.admit(Role::Viewer, vec![]).await;
    let told = next(&mut changes).await.unwrap();
    assert_eq!(told.value.unwrap()["seq"], json!(2));
    let viewer = house.enter(&house.admit(Role::Viewer, vec![]).await).await;
    let refused = viewer.ask(O::SubscribeEvent, "device", "contactsChanged", None).await;
    assert_eq!(code(&refused), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn a_device_learns_the_recovery_key_of_whoever_claims_it_and_of_nobody_else() {
    let house = House::build(VirtualTime::new(NOON, true), Limits::default());
    let (hers, anothers) = (new_key(), new_key());
    for (role, recovery) in [(Role::Owner, &hers), (Role::Owner, &anothers), (Role::Viewer, &anothers)] {
        let secret = Secret::generate(&mut rng::system());
        house.device.open_pairing(&secret, Admission { role, grants: Grants::default() });
        let remote = Remote::Pairing(who(house.device.key()));
        let person = house.enter_from("a machine", &new_key(), remote).await.unwrap();
        let proof = secret.proof(&person.peers().sid, &person.peers().local);
        let input = json!({ "proof": proof, "name": "somebody", "recovery": recovery.public() });
        let answer = person.ask(O::InvokeAction, "device", "pair", Some(input)).await;
        // At the device nobody is made a second owner.
        assert_eq!(
            matches!(answer, Answer::Ok(_)),
            role != Role::Owner || std::ptr::eq(recovery, &hers),
            "{answer:?}"
        );
        assert_eq!(house.device.rights().recovery(), Some(hers.public()));
    }
}

#[tokio::test]
async fn a_change_does_not_end_the_session_of_the_recovery_key() {
    let house = House::build(VirtualTime::new(NOON, true), Limits::default());
    let key = new_key();
    let recovery = Some(key.public().clone());
    let claim = Change::Claim { key: house.owner.public().clone(), name: label("owner"), recovery };
    house.device.change_rights_here(claim).await.unwrap();
    let recovery = house.enter(&key).await;
    house.admit(Role::Viewer, vec![]).await;
    assert_eq!(house.device.callers().count(), 1, "the recovery key's session is still there");
    let answer = recovery.ask(O::InvokeAction, "device", "readJournal", Some(json!({}))).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
    // It names another one in its place, and then it ends.
    let next = house.signed(&key, Change::SetRecovery { key: new_key().public().clone() });
    house.device.change_rights(None, &next).await.unwrap();
    recovery.closed().await;
}
