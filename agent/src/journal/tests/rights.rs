//! Changes of rights, their log, and the clock's floor.

use streembit_peer::rights::sign_change;

use super::*;
use crate::access::ChangeRefused;

fn signed(bed: &Bed, journal: &Journal, change: Change) -> String {
    let rights = journal.rights();
    sign_change(&bed.owner, rights.device(), rights.seq() + 1, rights.head(), change).jws().to_owned()
}

#[tokio::test]
async fn a_change_is_durable_and_seen_by_all_before_it_is_acknowledged() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let mut watch = journal.watch_rights();
    let change = signed(&bed, &journal, guest());
    let receipt = journal.change_rights(&change).await.unwrap();
    assert_eq!(journal.rights().contacts().count(), 2);
    assert!(watch.has_changed().unwrap());
    assert_eq!(watch.borrow_and_update().contacts().count(), 2);
    let entry = journal.read(receipt.seq, 1).await.unwrap().remove(0);
    assert_eq!(entry.body.what, What::Rights { number: 2, change });
    drop(journal);
    assert_eq!(bed.open().rights().contacts().count(), 2);
}

#[tokio::test]
async fn a_refused_change_leaves_no_trace() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let (before, head) = (journal.rights(), journal.head());
    let change = signed(&bed, &journal, guest());
    journal.change_rights(&change).await.unwrap();
    let after = journal.rights();
    let again = journal.change_rights(&change).await.unwrap_err();
    assert!(matches!(again, RightsError::Refused(ChangeRefused::OutOfOrder { .. })), "{again}");
    let stranger = PrivateKey::generate(&mut rng::system());
    let forged = sign_change(&stranger, after.device(), after.seq() + 1, after.head(), guest());
    assert!(matches!(journal.change_rights(forged.jws()).await, Err(RightsError::Refused(_))));
    assert_eq!((journal.rights(), journal.head().seq), (after, head.seq + 1));
    assert_ne!(journal.rights(), before);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_out_of_order_and_local_ones_all_get_their_place() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let (a, b) = (signed(&bed, &journal, guest()), signed(&bed, &journal, guest()));
    let (a, b) = tokio::join!(journal.change_rights(&a), journal.change_rights(&b));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let many = futures::future::join_all((0..20).map(|_| journal.change_rights_here(guest()))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(journal.rights().seq(), 22);
    drop(journal);
    assert_eq!(bed.open().rights().seq(), 22);
}

#[tokio::test]
async fn editing_the_log_of_changes_does_not_change_rights() {
    let edits = [
        ("DELETE FROM rights WHERE number = 3", "the last change removed"),
        ("DELETE FROM rights WHERE number = 2", "one removed from the middle"),
        ("DELETE FROM rights", "all removed"),
        (
            "UPDATE rights SET change = (SELECT change FROM rights WHERE number = 2) WHERE number = 3",
            "repeated",
        ),
        (
            "UPDATE rights SET number = 9 WHERE number = 2; UPDATE rights SET number = 2 WHERE number = 3; \
             UPDATE rights SET number = 3 WHERE number = 9",
            "reordered",
        ),
    ];
    for (sql, what) in edits {
        let bed = Bed::new();
        let journal = bed.claimed().await;
        let contact = admit_guest(&journal).await;
        journal.change_rights_here(Change::Revoke { contact }).await.unwrap();
        drop(journal);
        bed.sql(sql);
        let error = bed.try_open().unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
        assert!(!bed.check(None).holds(), "{what}");
    }
}

#[tokio::test]
async fn the_floor_of_the_clock_is_kept_and_never_from_an_unsynchronised_clock() {
    let mut bed = Bed::new();
    drop(bed.open());
    assert_eq!(read_floors(&bed.path()).unwrap().clock, Some(NOON));
    // The battery is flat, and the clock runs years ahead.
    bed.time = VirtualTime::new(NOON + 100_000_000, false);
    let journal = bed.open();
    assert_eq!(read_floors(&bed.path()).unwrap().clock, Some(NOON));
    let entry = journal.read(journal.head().seq, 1).await.unwrap().remove(0);
    assert_eq!(entry.body.at, None, "no time is better than a wrong one");
    drop(journal);
    // It is 1970, and an owner's laptop says so too.
    bed.time = VirtualTime::new(0, false);
    let clock = Arc::new(Clock::new(bed.time.clone()));
    let journal = Journal::open(&bed.path(), &bed.device, Arc::clone(&clock), Settings::default()).unwrap();
    assert!(clock.owner_told(100).is_err());
    journal.forget_floor().await.unwrap();
    assert_eq!(read_floors(&bed.path()).unwrap().clock, None);
    assert!(clock.owner_told(100).is_ok());
}

#[tokio::test]
async fn the_floor_follows_hourly() {
    let bed = Bed::new();
    let journal = bed.open();
    bed.time.pass(Duration::from_secs(1800));
    journal.flush().await.unwrap();
    assert_eq!(read_floors(&bed.path()).unwrap().clock, Some(NOON));
    bed.time.pass(Duration::from_secs(1800));
    journal.flush().await.unwrap();
    assert_eq!(read_floors(&bed.path()).unwrap().clock, Some(NOON + 3600));
}
