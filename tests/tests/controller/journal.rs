//! What a device did, and whether it still says so.

use streembit_controller::commands::device::{Args as DeviceArgs, Asked, What, run as device};
use streembit_controller::commands::log::{self, run as log};
use streembit_controller::error::Exit;

use super::people::{House, Someone};

fn status() -> DeviceArgs {
    DeviceArgs { what: What::Status { device: None } }
}

fn verify() -> log::Args {
    log::Args { verify: true, ..log::Args::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_what_was_done_and_its_chain_holds() {
    let house = House::new().await;
    let ada = house.owner().await;
    for _ in 0..40 {
        ada.invoke("open", None).await.unwrap();
    }
    let journal = log(&ada.desk, log::Args::default()).await.unwrap();
    assert_eq!(journal.entries.len(), 20);
    let last: Vec<_> = journal.entries.iter().filter(|entry| entry["kind"] == "intent").collect();
    assert!(last.iter().all(|entry| entry["thing"] == "door" && entry["affordance"] == "open"), "{last:?}");

    let journal = log(&ada.desk, verify()).await.unwrap();
    journal.verdict().unwrap();
    let verdict = journal.verified.unwrap();
    assert!(verdict.entries > 80 && verdict.unproven.is_empty(), "{verdict:?}");
    let Asked::Status(shown) = device(&ada.desk, status()).await.unwrap() else { panic!("a status") };
    shown.verdict().unwrap();
    assert!(shown.journal.is_some() && shown.status.is_some() && shown.version.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_journal_was_put_back_is_found_out() {
    let mut house = House::new().await;
    let ada = house.owner().await;
    ada.invoke("open", None).await.unwrap();
    house.stop().await;
    let copy = std::fs::read(house.journal()).unwrap();
    house.start().await;
    ada.invoke("open", None).await.unwrap();
    device(&ada.desk, status()).await.unwrap().verdict().unwrap();

    house.stop().await;
    for leftover in ["state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(house.folder.path().join(leftover));
    }
    std::fs::write(house.journal(), copy).unwrap();
    house.start().await;
    let failure = device(&ada.desk, status()).await.unwrap().verdict().unwrap_err();
    assert_eq!(failure.exit, Exit::Failure);
    assert!(failure.message.contains("went back"), "{failure}");
    let journal = log(&ada.desk, verify()).await.unwrap();
    assert!(journal.verdict().is_err(), "{:?}", journal.verified);
    // Time heals nothing: it is known from now on.
    for _ in 0..5 {
        ada.invoke("open", None).await.unwrap();
    }
    assert!(device(&ada.desk, status()).await.unwrap().verdict().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_looked_after_from_afar_by_who_may() {
    let house = House::new().await;
    let ada = house.owner().await;
    let check = || DeviceArgs { what: What::Check { device: None } };
    let Asked::Check(found) = device(&ada.desk, check()).await.unwrap() else { panic!("points") };
    let codes: std::collections::BTreeSet<u8> = found.points.iter().map(|point| point.code).collect();
    assert!(codes.is_superset(&[3, 4, 5, 6, 7, 8, 9, 11].into()), "{found:?}");

    let guest = async |name: &str, right: &str| {
        let invitation = ada.invite(name, &[right]).await.unwrap();
        let guest = Someone::new(name);
        guest.accept(&invitation.link).await.unwrap();
        guest
    };
    let caretaker = guest("Cara", "device/health").await;
    let Asked::Check(seen) = device(&caretaker.desk, check()).await.unwrap() else { panic!("points") };
    assert_eq!(seen.points.len(), found.points.len());
    let bea = guest("Bea", "door/open").await;
    let failure = device(&bea.desk, check()).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_the_journal_needs_its_own_right() {
    let house = House::new().await;
    let ada = house.owner().await;
    let invitation = ada.invite("Bea", &["door/open"]).await.unwrap();
    let bea = Someone::new("Bea");
    bea.accept(&invitation.link).await.unwrap();
    let failure = log(&bea.desk, log::Args::default()).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
}
