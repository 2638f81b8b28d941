//! Commands through the process that `streembit unlock` leaves behind. (Here it is a task; its life as a process is tested in
//! the controller's own tests.)

use std::time::Duration;

use serde_json::json;
use streembit_controller::clock::Deadline;
use streembit_controller::commands::Patience;
use streembit_controller::commands::observe::{ObserveArgs, Until, observe};
use streembit_controller::desk::Desk;
use streembit_controller::door::{Ask, Door as Way, Reply};
use streembit_controller::person::Person;
use streembit_controller::unlock::{Client, serve};
use tokio_util::sync::CancellationToken;

use super::people::{House, SOON, Someone, meanwhile};

/// Starts the process of somebody, and gives them a desk that reaches devices through it.
pub async fn unlock(who: Someone, span: Duration) -> (Someone, tokio::task::JoinHandle<()>) {
    let person = Person::new(who.home.clone(), who.key.clone()).unwrap();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let home = who.home.clone();
    let serving = tokio::spawn(async move {
        let (deadline, stop) = (Deadline::after(span), CancellationToken::new());
        serve(&home, person, deadline, stop, || ready.send(()).unwrap()).await.unwrap();
    });
    is_ready.await.unwrap();
    let client = Client::find(&who.home).await.unwrap().unwrap();
    let desk = Desk::with_door(who.home.clone(), Way::Unlocked(client));
    (Someone { desk, ..who }, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_use_its_key_and_its_connections() {
    let house = House::new().await;
    let (ada, serving) = unlock(house.owner().await, SOON).await;
    assert_eq!(ada.read("state").await, Ok(json!("closed")));
    ada.invoke("open", None).await.unwrap();
    assert_eq!(house.door.moved(), 1);

    let client = Client::find(&ada.home).await.unwrap().unwrap();
    let Reply::Standing(standing) = client.ask(&Ask::Status).await.unwrap() else { panic!("no standing") };
    assert_eq!(standing.connected, ["house"]);

    // An owner's signature comes from there, too.
    let invitation = ada.invite("Bea", &["door/open"]).await.unwrap();
    let (bea, serving_bea) = unlock(Someone::new("Bea"), SOON).await;
    bea.accept(&invitation.link).await.unwrap();
    bea.invoke("open", None).await.unwrap();

    // Two who follow the same property through one process do not get into each other's way.
    let one = Until { count: Some(3), span: Some(SOON) };
    let args =
        || ObserveArgs { address: "state".parse().unwrap(), until: one, patience: Patience::default() };
    let both = async {
        tokio::join!(observe(&ada.desk, args(), |_| Ok(())), observe(&ada.desk, args(), |_| Ok(())))
    };
    let seen = meanwhile(both, || house.door.changed("state", json!("open"))).await;
    assert_eq!(seen, (Ok(3), Ok(3)));

    client.lock().await.unwrap();
    tokio::time::timeout(SOON, serving).await.unwrap().unwrap();
    let failure = ada.read("state").await.unwrap_err();
    assert!(failure.message.contains("locked"), "{failure}");
    serving_bea.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn its_end_ends_what_is_followed_through_it() {
    let house = House::new().await;
    let (ada, serving) = unlock(house.owner().await, Duration::from_secs(2)).await;
    let args = ObserveArgs {
        address: "state".parse().unwrap(),
        until: Until::default(),
        patience: Patience::default(),
    };
    let ended = tokio::time::timeout(SOON, observe(&ada.desk, args, |_| Ok(()))).await.unwrap();
    assert!(ended.unwrap_err().message.contains("locked"));
    serving.await.unwrap();
    assert!(Client::find(&ada.home).await.unwrap().is_none());
}
