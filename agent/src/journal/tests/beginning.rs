//! A journal that goes on from another one's, or from nothing but a floor.

use streembit_peer::rights::Role;

use super::*;
use crate::access::Denied;

/// The same device on another machine.
fn elsewhere(bed: &Bed, beginning: &Beginning) -> Bed {
    let other = Bed {
        folder: tempfile::tempdir().unwrap(),
        device: bed.device.clone(),
        owner: bed.owner.clone(),
        time: bed.time.clone(),
        settings: Settings::default(),
    };
    lay(&other, beginning);
    other
}

fn lay(bed: &Bed, beginning: &Beginning) {
    if beginning.from.is_some() && !bed.path().exists() {
        std::fs::write(bed.path(), unborn()).unwrap();
    }
    std::fs::write(Beginning::path(&bed.path()), serde_json::to_vec(beginning).unwrap()).unwrap();
}

fn taken(bed: &Bed) -> Beginning {
    let from = extract(&bed.path(), bed.device.public()).unwrap();
    Beginning { from: Some(from), ..Beginning::default() }
}

fn clock_of(bed: &Bed) -> Option<i64> {
    read_floors(&bed.path()).unwrap().clock
}

#[tokio::test]
async fn it_goes_on_where_the_other_stood_and_holds() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    journal.change_rights_here(guest()).await.unwrap();
    bed.act(&journal, 3).await;
    // Beside its writer.
    let beginning = taken(&bed);
    let (last, rights) = (journal.head(), journal.rights());

    let other = elsewhere(&bed, &beginning);
    for start in 1..=2 {
        let journal = other.open();
        let entries = journal.read(1, 100).await.unwrap();
        assert_eq!(entries[0].body.seq, last.seq + 1, "start {start}");
        assert!(matches!(entries[0].body.what, What::Start { .. }));
        assert!(matches!(&entries[1].body.what, What::Rights { number, .. } if *number == rights.seq() + 1));
        assert_eq!(journal.rights().seq(), rights.seq() + 1, "restored once");
        assert_eq!((journal.rights().generation(), journal.rights().suspended()), (1, 1));
        let report = journal.verify(None).await.unwrap();
        assert!(report.holds(), "{report:?}");
        assert_eq!(report.first, last.seq + 1);
        assert!(!Beginning::path(&other.path()).exists(), "it is part of the journal now");
        bed.act(&journal, 2).await;
        assert!(journal.verify(Some(journal.head())).await.unwrap().holds());
    }
}

#[tokio::test]
async fn what_an_owner_signed_for_the_other_is_not_made_here() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let beginning = taken(&bed);
    let rights = journal.rights();
    let next = |change| {
        let (device, seq, prev) = (rights.device(), rights.seq() + 1, rights.head());
        streembit_peer::rights::sign_change(&bed.owner, device, seq, prev, change).jws().to_owned()
    };
    let journal = elsewhere(&bed, &beginning).open();
    assert!(matches!(journal.change_rights(&next(guest())).await, Err(RightsError::Refused(_))));
    assert_eq!(journal.rights().contacts().count(), 1);
}

#[tokio::test]
async fn no_call_is_begun_again() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let (done, running) = (bed.call("1234"), bed.call("1234"));
    let recorded = begin(&journal, bed.intent_of(&done)).await;
    journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
    let runs = begin(&journal, bed.intent_of(&running)).await;
    let other = elsewhere(&bed, &taken(&bed));
    drop(runs);
    for _ in 0..2 {
        let journal = other.open();
        for call in [&done, &running] {
            let seen = journal.begin(bed.intent_of(call)).await.unwrap();
            assert!(matches!(seen, Begun::Seen(Seen::Unknown)), "{seen:?}");
            let changed = Intent { content: [8; 32], ..bed.intent_of(call) };
            assert!(matches!(journal.begin(changed).await.unwrap(), Begun::Seen(Seen::Other)));
        }
        begin(&journal, bed.intent()).await;
    }
}

#[tokio::test]
async fn guests_wait_for_an_owner_here_and_go_on_there() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let guest = admit_guest(&journal).await;
    let may = |journal: &Journal| {
        let now = Clock::new(bed.time.clone()).now();
        journal.rights().permit(&guest, Operation::ReadProperty, "device", Some("rights"), now).map(|_| ())
    };
    assert_eq!(may(&journal), Ok(()));
    let restored = elsewhere(&bed, &taken(&bed)).open();
    assert_eq!(may(&restored), Err(Denied::Suspended));
    let rights = restored.rights();
    let confirm = Change::SetRights { contact: guest, role: Role::Guest, grants: Grants::default() };
    assert!(restored.change_rights_here(confirm.clone()).await.is_err());
    let (device, seq, prev) = (rights.device(), rights.seq() + 1, rights.head());
    let confirm = streembit_peer::rights::sign_change(&bed.owner, device, seq, prev, confirm);
    restored.change_rights(confirm.jws()).await.unwrap();
    assert_eq!((may(&restored), may(&journal)), (Ok(()), Ok(())));
}

#[tokio::test]
async fn no_floor_goes_down() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    bed.time.pass(Duration::from_secs(7200));
    journal.flush().await.unwrap();
    let beginning = taken(&bed);
    assert_eq!(beginning.all_floors().clock, Some(NOON + 7200));
    let mut other = elsewhere(&bed, &beginning);
    assert_eq!(clock_of(&other), Some(NOON + 7200), "before the first start, too");
    // There it is 1970, and an owner's laptop says so too.
    other.time = VirtualTime::new(0, false);
    let clock = Arc::new(Clock::new(other.time.clone()));
    let journal =
        Journal::open(&other.path(), &other.device, Arc::clone(&clock), Settings::default()).unwrap();
    assert!(clock.owner_told(NOON).is_err());
    assert!(clock.owner_told(NOON + 7200).is_ok());
    assert_eq!(clock_of(&other), Some(NOON + 7200));
    drop(journal);

    // A floor alone makes a new journal, of nobody.
    let fresh = Bed { time: VirtualTime::new(0, false), ..Bed::new() };
    let floors = Floors { clock: Some(NOON), generation: 4 };
    lay(&fresh, &Beginning { floors, ..Beginning::default() });
    assert!(knows_nobody(&fresh.path()).unwrap());
    let journal = fresh.open();
    assert_eq!((read_floors(&fresh.path()).unwrap(), journal.rights().generation()), (floors, 0));
    assert!(knows_nobody(&fresh.path()).unwrap());
}

#[tokio::test]
async fn a_beginning_that_the_device_did_not_sign_is_refused() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    journal.change_rights_here(guest()).await.unwrap();
    let good = taken(&bed);
    assert!(good.from.as_ref().unwrap().check(bed.device.public()).is_ok());
    type Spoil = fn(&mut Extract);
    let spoilt: [(&str, Spoil); 5] = [
        ("a change left out", |from| drop(from.changes.pop())),
        ("the first left out", |from| drop(from.changes.remove(0))),
        ("changes in another order", |from| from.changes.swap(0, 1)),
        ("another's word", |from| from.standing = from.changes[0].clone()),
        ("a call without content", |from| {
            let (contact, call) = (Thumbprint::from_bytes([1; 32]), CallId::from_bytes([1; 16]));
            from.calls.push(SeenCall { contact, call, content: "AA".to_owned() });
        }),
    ];
    for (what, spoil) in spoilt {
        let mut beginning = good.clone();
        spoil(beginning.from.as_mut().unwrap());
        let refused = elsewhere(&bed, &beginning).try_open().map(|_| ()).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{what}: {refused}");
    }
    let stranger = Bed { device: PrivateKey::generate(&mut rng::system()), ..elsewhere(&bed, &good) };
    assert!(stranger.try_open().is_err());
    std::fs::write(Beginning::path(&stranger.path()), "{").unwrap();
    assert!(stranger.try_open().is_err());
    assert!(knows_nobody(&stranger.path()).is_err(), "what cannot be read is not nobody's");
}

#[tokio::test]
async fn a_power_cut_before_it_is_removed_changes_nothing() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let beginning = taken(&bed);
    drop(journal);
    let other = elsewhere(&bed, &beginning);
    assert!(!knows_nobody(&other.path()).unwrap());
    let seq = other.open().rights().seq();
    lay(&other, &beginning);
    let journal = other.open();
    assert_eq!((journal.rights().seq(), journal.rights().generation()), (seq, 1));
    assert!(!Beginning::path(&other.path()).exists());
    assert!(!knows_nobody(&other.path()).unwrap());
}

#[tokio::test]
async fn a_journal_that_does_not_hold_is_not_taken_from() {
    let bed = Bed::new();
    assert!(extract(&bed.path(), bed.device.public()).is_err(), "there is none");
    assert!(!bed.path().exists(), "and none was made");
    assert!(knows_nobody(&bed.path()).unwrap());
    drop(bed.claimed().await);
    let other = PrivateKey::generate(&mut rng::system());
    assert!(extract(&bed.path(), other.public()).is_err());
    bed.sql("DELETE FROM rights");
    assert!(extract(&bed.path(), bed.device.public()).is_err());
}

#[tokio::test]
async fn it_is_restored_more_often_than_the_backup_and_the_machine_know_of() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let first = taken(&bed);
    let on = |beginning: &Beginning, generation| Beginning {
        floors: Floors { generation, ..Floors::default() },
        ..beginning.clone()
    };
    let generation = |bed: &Bed| {
        let journal = bed.open();
        let now = journal.rights().generation();
        drop(journal);
        assert_eq!(read_floors(&bed.path()).unwrap().generation, now, "the machine keeps it");
        now
    };
    let machine = elsewhere(&bed, &on(&first, 0));
    assert_eq!(generation(&machine), 1);
    // An older backup on a machine that has seen three, and a newer one on a machine that has seen none.
    assert_eq!(generation(&elsewhere(&bed, &on(&first, 3))), 4);
    assert_eq!(generation(&elsewhere(&bed, &on(&taken(&machine), 0))), 2);
    drop(journal);
}

#[tokio::test]
async fn who_is_named_is_revoked_before_anybody_can_ask_for_anything() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let guest = admit_guest(&journal).await;
    let beginning = taken(&bed);
    let owner = bed.owner.public().thumbprint();
    let other = elsewhere(&bed, &Beginning { revoked: vec![owner], ..beginning.clone() });
    let restored = other.open();
    let rights = restored.rights();
    assert!(rights.is_revoked(&owner) && rights.contact(&owner).is_none());
    assert!(!rights.is_revoked(&guest) && rights.suspended() == 1);
    assert_eq!(rights.seq(), journal.rights().seq() + 1, "with the restoration itself");
    assert!(restored.verify(None).await.unwrap().holds());
    // Somebody of whom the backup does not know makes it no device at all, and not one without that.
    let stranger = PrivateKey::generate(&mut rng::system()).public().thumbprint();
    assert!(elsewhere(&bed, &Beginning { revoked: vec![stranger], ..beginning }).try_open().is_err());
}

#[tokio::test]
async fn a_program_that_knows_only_the_first_format_names_it_as_newer_before_and_after_the_first_start() {
    let bed = Bed::new();
    drop(bed.claimed().await);
    let format = |bed: &Bed| {
        // What every version looks at, in the file's header.
        drop(Connection::open(bed.path()).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
        let header = std::fs::read(bed.path()).unwrap();
        i32::from_be_bytes(header[60..64].try_into().unwrap())
    };
    assert_eq!(format(&bed), 1);
    let other = elsewhere(&bed, &taken(&bed));
    assert_eq!(format(&other), 2);
    drop(other.open());
    assert_eq!(format(&other), 2);

    // And without what it goes on from, no empty one is begun, which anybody could claim.
    let lost = elsewhere(&bed, &taken(&bed));
    std::fs::remove_file(Beginning::path(&lost.path())).unwrap();
    assert!(matches!(lost.try_open(), Err(OpenError::Damaged { .. })));
    assert!(knows_nobody(&lost.path()).is_err());
    assert!(extract(&lost.path(), bed.device.public()).is_err());
}

#[tokio::test]
async fn the_head_of_the_backup_proves_that_nothing_came_in_between() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let last = journal.head();
    let other = elsewhere(&bed, &taken(&bed));
    let restored = other.open();
    let report = restored.verify(Some(last)).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert!(!report.cannot_prove.iter().any(|what| matches!(what, CannotProve::KeptHeadIsCut { .. })));
    let other = Receipt { head: restored.head().head, ..last };
    let report = restored.verify(Some(other)).await.unwrap();
    assert_eq!(report.findings, [Finding::Rewritten { seq: last.seq }]);
}

#[tokio::test]
async fn floors_that_cannot_be_read_are_not_taken_for_none() {
    let bed = Bed::new();
    assert_eq!(read_floors(&bed.path()), Ok(Floors::default()), "there is nothing yet");
    drop(bed.claimed().await);
    assert_eq!(clock_of(&bed), Some(NOON));
    std::fs::write(Beginning::path(&bed.path()), "{").unwrap();
    assert!(read_floors(&bed.path()).is_err());
    std::fs::remove_file(Beginning::path(&bed.path())).unwrap();
    std::fs::write(bed.path(), "damaged").unwrap();
    assert!(read_floors(&bed.path()).is_err());
}

#[tokio::test]
async fn what_is_read_is_no_link_and_no_pipe() {
    let (bed, trap) = (Bed::new(), Bed::new());
    drop(bed.claimed().await);
    let fifo = |path: &std::path::Path| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    // Another program's database.
    std::os::unix::fs::symlink(bed.path(), trap.path()).unwrap();
    assert!(read_floors(&trap.path()).is_err() && knows_nobody(&trap.path()).is_err());
    assert!(extract(&trap.path(), bed.device.public()).is_err());
    std::fs::remove_file(trap.path()).unwrap();
    fifo(&trap.path());
    assert!(read_floors(&trap.path()).is_err() && knows_nobody(&trap.path()).is_err());
    std::fs::remove_file(trap.path()).unwrap();
    let beginning = Beginning::path(&trap.path());
    fifo(&beginning);
    assert!(Beginning::read(&trap.path()).is_err());
    std::fs::remove_file(&beginning).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &beginning).unwrap();
    let refused = Beginning::read(&trap.path()).unwrap_err();
    assert!(!refused.contains("expected"), "it was read: {refused}");
    // The folder itself may be behind a link.
    let link = trap.folder.path().join("link");
    std::os::unix::fs::symlink(bed.folder.path(), &link).unwrap();
    assert_eq!(read_floors(&link.join("state.db")).unwrap().clock, Some(NOON));
}

#[tokio::test]
async fn what_all_changes_of_rights_take_is_known() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    journal.change_rights_here(guest()).await.unwrap();
    let from = taken(&bed);
    let wanted: u64 = from.from.as_ref().unwrap().changes.iter().map(|change| change.len() as u64).sum();
    assert_eq!(journal.rights_bytes(), wanted);
    drop(journal);
    assert_eq!(bed.open().rights_bytes(), wanted);
    assert!(elsewhere(&bed, &from).open().rights_bytes() > wanted, "and the restoration");
}
