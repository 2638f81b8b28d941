//! Invitations, what they allow, and their end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use streembit_controller::commands::observe::{ObserveArgs, Until, What, observe};
use streembit_controller::commands::{Patience, revoke};
use streembit_controller::error::Exit;

use super::people::{House, SOON, Someone};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_do_what_was_allowed_and_nothing_else() {
    let house = House::new().await;
    let ada = house.owner().await;
    let invitation = ada.invite("Bea", &["door/open"]).await.unwrap();
    assert!(invitation.link.starts_with("streembit:"));

    let bea = Someone::new("Bea");
    let accepted = bea.accept(&invitation.link).await.unwrap();
    assert_eq!(accepted.met.role.as_deref(), Some("guest"));
    bea.invoke("open", None).await.unwrap();
    assert_eq!(house.door.moved(), 1);

    for refused in [
        bea.read("house/door/state").await.map(|_| ()),
        bea.invoke("house/door/turn", Some(r#"{"by": 1}"#)).await.map(|_| ()),
        bea.invite("Eve", &["door/open"]).await.map(|_| ()),
        bea.read("house/device/status").await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().exit, Exit::Refused);
    }
    assert_eq!(house.door.moved(), 1);

    let eve = Someone::new("Eve");
    assert_eq!(eve.accept(&invitation.link).await.unwrap_err().exit, Exit::Refused, "it is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_can_be_withdrawn_and_a_mistake_in_it_is_found_at_once() {
    let house = House::new().await;
    let ada = house.owner().await;
    let failure = ada.invite("Bea", &["door/opne"]).await.unwrap_err();
    assert_eq!(failure.exit, Exit::InvalidInput, "{failure}");
    assert!(failure.candidates.contains(&"door/open".to_owned()), "{failure}");

    let invitation = ada.invite("Bea", &["door/open"]).await.unwrap();
    let args = revoke::Args { device: "house".into(), contact: "Bea".into() };
    assert_eq!(revoke::run(&ada.desk, args).await.unwrap().fingerprint, None);
    assert_eq!(Someone::new("Bea").accept(&invitation.link).await.unwrap_err().exit, Exit::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_ends_an_open_observation_and_everything_after_it() {
    let house = House::new().await;
    let ada = house.owner().await;
    let invitation = ada.invite("Bea", &["door/state", "door/open"]).await.unwrap();
    let bea = Someone::new("Bea");
    bea.accept(&invitation.link).await.unwrap();

    let (seen, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let args = ObserveArgs {
        address: "state".parse().unwrap(),
        until: Until::default(),
        patience: Patience::default(),
    };
    let watching = observe(&bea.desk, args, |item| {
        seen.send(item.what.clone()).unwrap();
        Ok(())
    });
    let revoking = async {
        // The first value shows that the observation is open.
        let first = loop {
            house.door.changed("state", json!("open"));
            if let Ok(Some(first)) = tokio::time::timeout(Duration::from_millis(200), arrivals.recv()).await {
                break first;
            }
        };
        assert_eq!(first, What::Value(json!("open")));
        let args = revoke::Args { device: "house".into(), contact: "Bea".into() };
        assert!(revoke::run(&ada.desk, args).await.unwrap().fingerprint.is_some());
    };
    let (ended, ()) = tokio::time::timeout(SOON, async { tokio::join!(watching, revoking) }).await.unwrap();
    let failure = ended.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");

    let failure = bea.invoke("house/door/open", None).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    assert_eq!(house.door.moved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_while_a_read_is_under_way_is_told_that_and_no_broken_connection() {
    let house = House::new().await;
    let ada = house.owner().await;
    let invitation = ada.invite("Bea", &["door/state"]).await.unwrap();
    let bea = Someone::new("Bea");
    bea.accept(&invitation.link).await.unwrap();
    house.door.stuck.store(true, Ordering::SeqCst);
    let revoking = async {
        while house.door.kept_waiting.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let args = revoke::Args { device: "house".into(), contact: "Bea".into() };
        revoke::run(&ada.desk, args).await.unwrap();
    };
    let both = async { tokio::join!(bea.read("house/door/state"), revoking) };
    let (read, ()) = tokio::time::timeout(SOON, both).await.unwrap();
    let failure = read.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_has_the_address_is_refused() {
    let house = House::new().await;
    let ada = house.owner().await;
    let known = ada.home.contacts().unwrap().get("house").unwrap();
    let eve = Someone::new("Eve");
    let contact = streembit_controller::home::NewContact {
        name: "house".into(),
        key: known.key,
        addresses: known.addresses,
        role: None,
        verified: true,
        generation: None,
    };
    eve.home.contacts().unwrap().add(&contact).unwrap();
    let failure = eve.invoke("house/door/open", None).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    assert_eq!(house.door.moved(), 0);
}
