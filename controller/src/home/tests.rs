use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

use serde_json::json;
use streembit_keys::passcode::Passcode;
use streembit_keys::{PrivateKey, rng};
use zeroize::Zeroizing;

use super::*;
use crate::error::Exit;

const PASSCODE: &str = "Corr3ct horse!";

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::locate(Some(&folder.path().join("home"))).unwrap();
    (folder, home)
}

fn with_account() -> (tempfile::TempDir, Home) {
    let (folder, home) = home();
    home.create_account("ada", &passcode()).unwrap();
    (folder, home)
}

fn passcode() -> Passcode {
    Passcode::new(Zeroizing::new(PASSCODE.to_owned())).unwrap()
}

fn device(name: &str) -> NewContact {
    let key = PrivateKey::generate(&mut rng::system()).public().clone();
    let addresses = vec!["/ip4/192.0.2.1/tcp/7600".into()];
    NewContact { name: name.into(), key, addresses, role: None, verified: true, generation: Some(0) }
}

fn head(seq: u64, head: &str) -> Head {
    Head { seq, head: head.into() }
}

#[test]
fn an_account_opens_with_its_passcode_and_is_nobody_elses_to_read() {
    let (_folder, home) = with_account();
    let key = home.unlock(PASSCODE).unwrap();
    assert_eq!(*key.public(), home.identity().unwrap().public_key);
    assert_ne!(key.public(), home.transport_key().unwrap().public(), "two keys, two purposes");
    home.contacts().unwrap();
    assert_eq!(home.folder().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(home.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_second_init_leaves_the_account_alone() {
    let (_folder, home) = with_account();
    let before = home.identity().unwrap();
    let failure = home.create_account("eve", &passcode()).unwrap_err();
    assert!(failure.message.contains("already"), "{failure}");
    assert_eq!(home.identity().unwrap(), before);
    assert!(home.unlock(PASSCODE).is_ok());
}

#[test]
fn of_ten_inits_at_once_one_makes_the_account() {
    let (_folder, home) = home();
    let start = Barrier::new(10);
    let made: Vec<_> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    home.create_account("ada", &passcode()).ok()
                })
            })
            .collect();
        makers.into_iter().filter_map(|maker| maker.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1);
    assert_eq!(home.identity().unwrap(), made[0]);
    assert_eq!(*home.unlock(PASSCODE).unwrap().public(), made[0].public_key);
}

#[test]
fn without_an_account_the_remedy_is_init() {
    let (_folder, home) = home();
    for failure in [home.identity().unwrap_err(), home.unlock(PASSCODE).unwrap_err()] {
        assert!(failure.to_string().contains("streembit init"), "{failure}");
    }
    assert!(!home.folder().exists(), "asking makes nothing");
}

#[test]
fn wrong_passcodes_in_a_row_wait_and_a_right_one_starts_afresh() {
    let (_folder, home) = with_account();
    for _ in 0..2 {
        assert_eq!(home.unlock("Wr0ng horse!").unwrap_err().exit, Exit::InvalidInput);
    }
    home.unlock(PASSCODE).unwrap();
    for n in 0..3 {
        let failure = home.unlock("Wr0ng horse!").unwrap_err();
        assert_eq!(failure.remedy.is_some(), n == 2, "the third says that the next one waits: {failure}");
    }
    let failure = home.unlock(PASSCODE).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.message.starts_with("Too many wrong passcodes: the next try is in "), "{failure}");
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_a_known_key_keeps_its_name() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = device("garage");
    assert_eq!(contacts.add(&garage).unwrap(), "garage");
    assert_eq!(contacts.add(&device("garage")).unwrap(), "garage-2");
    let moved = NewContact { name: "other".into(), addresses: vec!["/ip4/192.0.2.9/tcp/1".into()], ..garage };
    assert_eq!(contacts.add(&moved).unwrap(), "garage");
    assert_eq!(contacts.get("garage").unwrap().addresses, moved.addresses);
    assert_eq!(contacts.names().unwrap(), ["garage", "garage-2"]);
    assert!(contacts.add(&device("../etc")).is_err());
    assert!(contacts.add(&device("device")).is_err());
}

#[test]
fn an_offer_changes_nothing_that_is_there() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = NewContact { verified: false, ..device("garage") };
    contacts.add_offered(&garage).unwrap();
    assert!(!contacts.get("garage").unwrap().verified);
    let before = contacts.all().unwrap();

    let moved = NewContact { name: "other".into(), addresses: Vec::new(), ..garage.clone() };
    let failure = contacts.add_offered(&moved).unwrap_err();
    assert!(failure.exit == Exit::Refused && failure.message.contains("`garage`"), "{failure}");
    let failure = contacts.add_offered(&device("garage")).unwrap_err();
    assert!(failure.exit == Exit::Refused && failure.to_string().contains("--as"), "{failure}");
    assert!(contacts.add_offered(&device("device")).is_err());
    assert_eq!(contacts.all().unwrap(), before);
}

#[test]
fn a_link_or_a_comparison_verifies_and_nothing_takes_that_back() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let [garage, shed] = ["garage", "shed"].map(|name| NewContact { verified: false, ..device(name) });
    for device in [&garage, &shed] {
        contacts.add_offered(device).unwrap();
    }
    contacts.verified(&shed.key).unwrap();
    let known = |contacts: &Contacts| ["garage", "shed"].map(|name| contacts.get(name).unwrap().verified);
    assert_eq!(known(&contacts), [false, true]);
    contacts.add(&NewContact { verified: true, ..garage.clone() }).unwrap();
    assert_eq!(known(&contacts), [true, true]);
    contacts.add(&garage).unwrap();
    assert_eq!(known(&contacts), [true, true]);
}

#[test]
fn renaming_and_forgetting_name_what_is_wrong() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    contacts.add(&device("a")).unwrap();
    contacts.add(&device("b")).unwrap();
    assert!(contacts.rename("a", "b").unwrap_err().message.contains("Another contact"));
    contacts.rename("a", "c").unwrap();
    assert_eq!(contacts.forget("a").unwrap_err().candidates, ["b", "c"]);
    contacts.forget("c").unwrap();
    assert_eq!(contacts.names().unwrap(), ["b"]);
}

#[test]
fn the_newest_head_is_kept_whatever_order_receipts_come_in() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = device("garage");
    contacts.add(&garage).unwrap();
    for (seq, text) in [(5, "five"), (9, "nine"), (7, "seven")] {
        assert_eq!(contacts.keep_receipt(&garage.key, &head(seq, text), 0).unwrap(), HeadCheck::Kept);
    }
    assert_eq!(contacts.get("garage").unwrap().head, Some(head(9, "nine")));
    assert_eq!(contacts.get("garage").unwrap().went_back, None);
}

#[test]
fn a_journal_that_went_back_is_remembered_for_good() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = device("garage");
    contacts.add(&garage).unwrap();
    let before = head(9, "nine");
    contacts.keep_receipt(&garage.key, &before, 0).unwrap();
    let known = contacts.get("garage").unwrap();
    assert_eq!(contacts.keep_current(&known, &before).unwrap(), HeadCheck::Kept);
    for (seq, text) in [(8, "eight"), (9, "other")] {
        let check = contacts.keep_current(&known, &head(seq, text)).unwrap();
        assert_eq!(check, HeadCheck::WentBack { before: before.clone() });
    }
    assert_eq!(contacts.keep_current(&known, &head(10, "ten")).unwrap(), HeadCheck::Kept);
    assert!(contacts.get("garage").unwrap().went_back.unwrap().contains("nine"));
    assert!(!contacts.take_restored("garage").unwrap(), "it was not restored");
}

#[test]
fn a_device_that_was_restored_begins_anew_and_its_person_is_told_once() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = device("garage");
    contacts.add(&garage).unwrap();
    contacts.keep_receipt(&garage.key, &head(9, "nine"), 0).unwrap();
    let before = contacts.get("garage").unwrap();
    contacts.keep_generation(&garage.key, 0).unwrap();
    assert_eq!(contacts.get("garage").unwrap(), before, "nothing new");

    contacts.keep_generation(&garage.key, 1).unwrap();
    let now = contacts.get("garage").unwrap();
    assert_eq!((now.head.as_ref(), now.generation, now.restored), (None, Some(1), true));
    // Neither an answer that was on its way, nor what this very command knew before, is held against it.
    assert_eq!(contacts.keep_receipt(&garage.key, &head(10, "ten"), 0).unwrap(), HeadCheck::Kept);
    assert_eq!(contacts.get("garage").unwrap().head, None, "it is of the journal from before");
    assert_eq!(contacts.keep_current(&before, &head(5, "five")).unwrap(), HeadCheck::Kept);
    let now = contacts.get("garage").unwrap();
    assert_eq!((now.head.clone(), now.went_back.clone()), (Some(head(5, "five")), None));
    assert!(contacts.take_restored("garage").unwrap());
    assert!(!contacts.take_restored("garage").unwrap());

    // From here on it is a journal like any other.
    assert!(matches!(contacts.keep_current(&now, &head(4, "four")), Ok(HeadCheck::WentBack { .. })));
    assert!(contacts.get("garage").unwrap().went_back.is_some());
    contacts.keep_generation(&garage.key, 2).unwrap();
    assert_eq!(contacts.get("garage").unwrap().went_back, None, "that was the journal before this one");
}

#[test]
fn a_device_that_was_restored_less_often_than_it_said_has_gone_back() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = NewContact { generation: None, ..device("garage") };
    contacts.add(&garage).unwrap();
    // What an offer does not say is learned, and is no news.
    contacts.keep_generation(&garage.key, 3).unwrap();
    let known = contacts.get("garage").unwrap();
    assert_eq!((known.generation, known.restored), (Some(3), false));
    contacts.keep_generation(&garage.key, 2).unwrap();
    let now = contacts.get("garage").unwrap();
    assert!(now.went_back.unwrap().contains("3 times") && now.generation == Some(3) && !now.restored);
}

#[test]
fn many_commands_at_once_lose_nothing() {
    let (_folder, home) = with_account();
    let garage = device("garage");
    home.contacts().unwrap().add(&garage).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (home, garage) = (&home, &garage);
            scope.spawn(move || {
                for n in 0..10u64 {
                    // Each command opens the database anew, as a process would.
                    let mut contacts = home.contacts().unwrap();
                    let seq = n * 8 + thread;
                    contacts.keep_receipt(&garage.key, &head(seq, &seq.to_string()), 0).unwrap();
                    contacts.add(&device("lamp")).unwrap();
                }
            });
        }
    });
    let contacts = home.contacts().unwrap();
    assert_eq!(contacts.names().unwrap().len(), 81);
    assert_eq!(contacts.get("garage").unwrap().head, Some(head(79, "79")));
}

/// Without them another process would take the database for its own, and clean up what this one works with.
#[test]
fn whoever_opens_the_contacts_leaves_the_locks_of_others_in_this_process_alone() {
    use std::os::unix::fs::MetadataExt as _;
    let (_folder, home) = with_account();
    let contacts = home.contacts().unwrap();
    contacts.all().unwrap();
    let inode = home.file("contacts.db").metadata().unwrap().ino();
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|lock| lock.contains("POSIX") && lock.contains(&format!(":{inode} "))).count()
    };
    let held = locks();
    assert!(held > 0, "an open database is locked for reading");
    home.contacts().unwrap();
    assert_eq!(locks(), held);
    drop(contacts);
    assert_eq!(locks(), 0);
}

#[test]
fn descriptions_make_the_directory() {
    let (_folder, home) = with_account();
    let mut contacts = home.contacts().unwrap();
    let garage = device("garage");
    contacts.add(&garage).unwrap();
    let td = json!({"streembit:name": "door", "title": "Door", "properties": {"state": {"type": "string"}}});
    let hostile = json!({"streembit:name": "\u{1b}[2J", "properties": {"state": {}}});
    contacts.keep_things(&garage.key, &[td, hostile]).unwrap();
    let directory = contacts.directory().unwrap();
    let all: Vec<_> =
        directory.affordances(crate::address::Kind::Property).map(|(a, _)| a.to_string()).collect();
    assert_eq!(all, ["garage/door/state"]);
}
