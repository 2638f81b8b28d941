//! Many who follow something through one account: they share its session, and a renewal of that loses nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::json;
use streembit_agent::command::{Introduction, MAX_SESSIONS_OF_A_CONTACT};
use streembit_controller::commands::observe::{ObserveArgs, SubscribeArgs, Until, What, observe, subscribe};
use streembit_controller::commands::{Patience, invoke};
use streembit_controller::desk::Desk;
use streembit_controller::door::Door as Way;
use streembit_controller::error::Exit;
use streembit_controller::person::Person;
use streembit_controller::unlock::Client;
use streembit_keys::{PrivateKey, Thumbprint, rng};
use streembit_peer::session::{Established, Initiator, PeerIds, Remote, Responder, Welcome};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::people::{House, SOON, Someone, invoking, meanwhile};
use super::unlocked::unlock;

/// A desk of the same account whose way leads through the unlock process.
async fn desk_of(who: &Someone) -> Desk {
    let client = Client::find(&who.home).await.unwrap().unwrap();
    Desk::with_door(who.home.clone(), Way::Unlocked(client))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, held).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn subscriptions(house: &House) -> usize {
    let callers = house.daemon().device().callers().all();
    callers.iter().map(|caller| caller.outbox().load().0).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_observers_than_a_contact_may_have_sessions_leave_room_for_commands() {
    let house = House::new().await;
    let (ada, serving) = unlock(house.owner().await, 3 * SOON).await;
    ada.read("state").await.unwrap();
    let observers = MAX_SESSIONS_OF_A_CONTACT + 4;
    let (seen, mut arrivals) = mpsc::unbounded_channel();
    let mut watching = Vec::new();
    for n in 0..observers {
        let (desk, seen) = (desk_of(&ada).await, seen.clone());
        let address = ["door/state", "door/speed"][n % 2].parse().unwrap();
        let until = Until { count: Some(1), span: Some(SOON) };
        let args = ObserveArgs { address, until, patience: Patience::default() };
        watching.push(tokio::spawn(async move {
            observe(&desk, args, |item| {
                let _ = seen.send((n, item.what.clone()));
                Ok(())
            })
            .await
        }));
    }
    until("both properties are observed", || subscriptions(&house) == 2).await;
    assert_eq!(house.daemon().device().callers().count(), 1, "they share one session");
    ada.invoke("open", None).await.unwrap();
    // Whoever joins later than that learns of the next change.
    let all = meanwhile(timeout(SOON, try_join_all(watching)), || {
        house.door.changed("state", json!("open"));
        house.door.changed("speed", json!(7));
    });
    assert_eq!(all.await.unwrap().unwrap(), vec![Ok(1); observers]);
    let mut told = HashSet::new();
    while let Ok((n, what)) = arrivals.try_recv() {
        let value = if n % 2 == 0 { json!("open") } else { json!(7) };
        assert_eq!(what, What::Value(value));
        told.insert(n);
    }
    assert_eq!(told.len(), observers);
    assert_eq!(house.door.moved(), 1);
    until("what nobody follows is not subscribed to", || subscriptions(&house) == 0).await;

    // And it can be followed again in the same session.
    let desk = desk_of(&ada).await;
    let until = Until { count: Some(1), span: Some(SOON) };
    let args = ObserveArgs { address: "door/state".parse().unwrap(), until, patience: Patience::default() };
    let again = meanwhile(observe(&desk, args, |_| Ok(())), || {
        house.door.changed("state", json!("closed"));
    });
    assert_eq!(again.await, Ok(1));
    serving.abort();
}

/// A session of two keys, as the device has it.
fn handshake(device: &PrivateKey, person: &PrivateKey) -> Established {
    let mut random = rng::system();
    let peer_ids = PeerIds { initiator: "person".into(), responder: "device".into() };
    let remote = Remote::Known(device.public().clone());
    let (initiator, m1) = Initiator::start(person, remote, peer_ids.clone(), &mut random);
    let lookup = |_: &Thumbprint| Some(person.public().clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    let (responder, m2) = Responder::accept(&m1, device, &peer_ids, &welcome, 0, &mut random).unwrap();
    let (_, m3) = initiator.on_m2(&m2, 0).unwrap();
    responder.on_m3(&m3).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_room_moves_nothing_and_says_so() {
    let house = House::new().await;
    let ada = house.owner().await;
    let person = Person::new(ada.home.clone(), ada.key.clone()).unwrap();
    let late = Desk::with_door(ada.home.clone(), Way::Here(Box::new(person)));
    let device = house.daemon().device();
    let enter = |_| {
        let Established { peers, peer_clock, .. } = handshake(device.key(), &ada.key);
        let (source, since) = ("elsewhere".into(), Duration::ZERO);
        let other = Introduction { peers, source, first_contact: false, clock: peer_clock, since };
        device.callers().enter(other, &device.rights())
    };
    let mut others: Vec<_> = (0..).map_while(|n: u8| enter(n).ok()).collect();
    assert_eq!(device.callers().count(), MAX_SESSIONS_OF_A_CONTACT);
    let before = house.daemon().device().journal().head();
    let failure = invoke::run(&late, invoking("house/door/open", None)).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable, "{failure}");
    assert!(failure.message.contains("no room") && failure.remedy.is_some(), "{failure}");
    assert_eq!(house.door.moved(), 0);
    assert_eq!(house.daemon().device().journal().head(), before);
    let one = Until { count: Some(1), span: Some(SOON) };
    let args = ObserveArgs {
        address: "house/door/state".parse().unwrap(),
        until: one,
        patience: Patience::default(),
    };
    let failure = observe(&late, args, |_| Ok(())).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable, "{failure}");

    others.pop();
    invoke::run(&late, invoking("house/door/open", None)).await.unwrap();
    assert_eq!(house.door.moved(), 1);
}

/// As many events as pass while the session is renewed a few times.
const EVENTS: i64 = 1500;

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_session_loses_nothing_on_the_way() {
    let house = House::new().await;
    let ada = house.owner().await;
    let person = Person::new(ada.home.clone(), ada.key.clone()).unwrap();
    let person = person.renewing_after(Duration::from_millis(500));
    let desk = Desk::with_door(ada.home.clone(), Way::Here(Box::new(person)));
    let args = SubscribeArgs {
        address: "door/obstruction".parse().unwrap(),
        until: Until::default(),
        patience: Patience::default(),
    };
    let (seen, mut arrivals) = mpsc::unbounded_channel();
    let watching = tokio::spawn(async move {
        subscribe(&desk, args, |item| {
            let _ = seen.send(item.what.clone());
            Ok(())
        })
        .await
    });
    until("it is subscribed to", || subscriptions(&house) == 1).await;

    let door = Arc::clone(&house.door);
    let happening = tokio::spawn(async move {
        for n in 1..=EVENTS {
            door.obstructed(n);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    let mut sessions = HashSet::new();
    let mut last = 0;
    let mut missed = 0;
    while last < EVENTS {
        sessions.extend(house.daemon().device().callers().all().iter().map(|caller| caller.peers().sid));
        let what = timeout(SOON, arrivals.recv()).await.expect("the last one comes, too").unwrap();
        match what {
            What::Missed(count) => missed += i64::try_from(count).unwrap(),
            What::Value(value) => {
                let n = value.as_i64().unwrap();
                // One may come twice, from the old session and from the new one.
                assert!(n <= last + missed + 1, "{last}, then {missed} missed, then {n}");
                if n > last {
                    (last, missed) = (n, 0);
                }
            }
            other => panic!("the device was never away: {other:?}"),
        }
    }
    assert!(sessions.len() > 3, "it was renewed: {}", sessions.len());
    happening.await.unwrap();
    watching.abort();
}
