//! Observations and events, across a restart of the device.

use std::time::Duration;

use serde_json::json;
use streembit_controller::commands::Patience;
use streembit_controller::commands::observe::{
    Item, ObserveArgs, SubscribeArgs, Until, What, observe, subscribe,
};
use streembit_controller::error::Exit;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::people::{House, SOON, meanwhile};

fn observing(until: Until) -> ObserveArgs {
    ObserveArgs { address: "state".parse().unwrap(), until, patience: Patience::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_values_or_so_long() {
    let house = House::new().await;
    let ada = house.owner().await;
    let two = Until { count: Some(2), span: Some(SOON) };
    let mut items: Vec<Item> = Vec::new();
    let watching = observe(&ada.desk, observing(two), |item| {
        items.push(item.clone());
        Ok(())
    });
    let seen = meanwhile(watching, || house.door.changed("state", json!("open"))).await;
    assert_eq!(seen, Ok(2));
    assert!(items.iter().all(|item| item.what == What::Value(json!("open"))), "{items:?}");
    assert_eq!(items[0].address.to_string(), "house/door/state");

    let nothing = Until { count: Some(1), span: Some(Duration::from_millis(300)) };
    let failure = observe(&ada.desk, observing(nothing), |_| Ok(())).await.unwrap_err();
    assert_eq!(failure.exit, Exit::TimedOut, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_while_something_is_printed_is_not_lost() {
    use rustix::process::{Signal, getpid, kill_process};
    let house = House::new().await;
    let ada = house.owner().await;
    let mut once = false;
    let watching = observe(&ada.desk, observing(Until::default()), |_| {
        if !std::mem::replace(&mut once, true) {
            kill_process(getpid(), Signal::INT).unwrap();
            // Long enough for the signal to have been told to whoever listens already.
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    });
    let ended = timeout(SOON, meanwhile(watching, || house.door.changed("state", json!("open")))).await;
    assert!(ended.expect("it goes on").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_brings_its_data() {
    let house = House::new().await;
    let ada = house.owner().await;
    let args = SubscribeArgs {
        address: "door/obstruction".parse().unwrap(),
        until: Until { count: Some(1), span: Some(SOON) },
        patience: Patience::default(),
    };
    let mut what = None;
    let watching = subscribe(&ada.desk, args, |item| {
        what = Some(item.what.clone());
        Ok(())
    });
    assert_eq!(meanwhile(watching, || house.door.obstructed(12)).await, Ok(1));
    assert_eq!(what, Some(What::Value(json!(12))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_device_is_told_and_survived() {
    let mut house = House::new().await;
    let ada = house.owner().await;
    let (seen, mut arrivals) = mpsc::unbounded_channel();
    let args = observing(Until::default());
    let watching = tokio::spawn(async move {
        observe(&ada.desk, args, |item| {
            let _ = seen.send(item.what.clone());
            Ok(())
        })
        .await
    });
    let value = What::Value(json!("open"));
    // The first value shows that the observation is open; more of the same may still be on their way.
    loop {
        house.door.changed("state", json!("open"));
        if let Ok(Some(first)) = timeout(Duration::from_millis(200), arrivals.recv()).await {
            assert_eq!(first, value);
            break;
        }
    }
    house.stop().await;
    let lost = async { while !matches!(arrivals.recv().await.unwrap(), What::Lost(_)) {} };
    timeout(SOON, lost).await.unwrap();
    house.start().await;
    let resumed = timeout(SOON, arrivals.recv()).await.unwrap().unwrap();
    assert!(matches!(resumed, What::Resumed(away) if away > 0.0), "{resumed:?}");
    house.door.changed("state", json!("closed"));
    assert_eq!(timeout(SOON, arrivals.recv()).await.unwrap(), Some(What::Value(json!("closed"))));
    watching.abort();
}
