use proptest::prelude::*;
use serde_json::Value;
use streembit_keys::{PrivateKey, rng};
use streembit_peer::rights::{Change, Role};

use super::*;
use crate::clock::{Clock, VirtualTime};
use crate::journal::{Journal, Settings, extract};

const PASSCODE: &str = "Correct-horse-7";

fn passcode(text: &str) -> Passcode {
    Passcode::new(text.to_owned().into()).unwrap()
}

fn new_key() -> PrivateKey {
    PrivateKey::generate(&mut rng::system())
}

/// A device with an owner and a guest.
pub(crate) fn backup() -> Backup {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("state.db");
    let account = new_key();
    let clock = std::sync::Arc::new(Clock::new(VirtualTime::new(1_795_435_200, true)));
    let journal = Journal::open(&database, &account, clock, Settings::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let changes = [
        Change::Claim { key: new_key().public().clone(), name: "Ada".parse().unwrap(), recovery: None },
        Change::Admit {
            key: new_key().public().clone(),
            name: "Bea".parse().unwrap(),
            role: Role::Guest,
            grants: Default::default(),
        },
    ];
    for change in changes {
        runtime.block_on(journal.change_rights_here(change)).unwrap();
    }
    let journal = extract(&database, account.public()).unwrap();
    let factory = Factory { serial: Some("0001234".to_owned()), ..Factory::default() };
    let identity = Identity { account, lan: new_key(), factory };
    Backup { identity, made: 1_795_435_200, config: "name = \"Garage\"\n".to_owned(), journal }
}

/// A file with something changed in its outer members.
fn changed(file: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut outer: Value = serde_json::from_slice(file).unwrap();
    change(&mut outer);
    serde_json::to_vec(&outer).unwrap()
}

#[test]
fn what_was_sealed_opens_with_its_passcode_alone() {
    let backup = backup();
    let file = backup.seal(&passcode(PASSCODE)).unwrap();
    let Opened { backup: opened, standing, rights } = Backup::open(&file, PASSCODE).unwrap();
    assert_eq!((rights.contacts().count(), rights.seq()), (2, standing.rights), "what it says holds");
    assert_eq!(opened.identity.account.public(), backup.identity.account.public());
    assert_eq!(opened.identity.lan.public(), backup.identity.lan.public());
    assert_eq!(opened.identity.factory, backup.identity.factory);
    assert_eq!(
        (opened.made, &opened.config, &opened.journal),
        (backup.made, &backup.config, &backup.journal)
    );
    for other in ["Correct-horse-8", "", "correct-horse-7"] {
        assert_eq!(Backup::open(&file, other).unwrap_err(), BackupError::WrongPasscode, "{other:?}");
    }
}

#[test]
fn nothing_of_it_is_in_the_clear_and_no_two_are_alike() {
    let backup = backup();
    let (one, two) = (backup.seal(&passcode(PASSCODE)).unwrap(), backup.seal(&passcode(PASSCODE)).unwrap());
    let (one, two) = (String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());
    let thumbprint = backup.identity.account.public().thumbprint().to_string();
    for secret in [&thumbprint, "Garage", "0001234", "Bea", "BEGIN PRIVATE KEY", "sb-acl"] {
        assert!(!one.contains(secret), "{secret}");
    }
    let parts = |text: &str| {
        let outer: Value = serde_json::from_str(text).unwrap();
        [outer["key"].to_string(), outer["sealed"].to_string()]
    };
    let (one, two) = (parts(&one), parts(&two));
    assert!(one[0] != two[0] && one[1] != two[1]);
}

#[test]
fn another_kind_of_file_and_a_newer_one_are_named_as_that() {
    let file = backup().seal(&passcode(PASSCODE)).unwrap();
    let other = changed(&file, |outer| outer["format"] = "zip".into());
    let offer = b"--- BEGIN STREEMBIT CONTACT OFFER ---".to_vec();
    let array = b"[\"streembit-backup\",1,\"\",\"\"]".to_vec();
    for foreign in [Vec::new(), b"{}".to_vec(), b"\x7fELF".to_vec(), offer, array, other] {
        assert_eq!(Backup::open(&foreign, PASSCODE).unwrap_err(), BackupError::Foreign);
    }
    for length in [40, file.len() / 2, file.len() - 2] {
        assert!(matches!(Backup::open(&file[..length], PASSCODE), Err(BackupError::Damaged(_))), "{length}");
    }
    let newer = changed(&file, |outer| {
        outer["version"] = 2.into();
        outer["more"] = true.into();
    });
    assert_eq!(Backup::open(&newer, PASSCODE).unwrap_err(), BackupError::Newer { found: 2 });
}

#[test]
fn parts_of_two_backups_do_not_make_one() {
    let (one, two) = (backup(), backup());
    let (one, two) = (one.seal(&passcode(PASSCODE)).unwrap(), two.seal(&passcode(PASSCODE)).unwrap());
    let two: Value = serde_json::from_slice(&two).unwrap();
    for part in ["key", "sealed"] {
        let mixed = changed(&one, |outer| outer[part] = two[part].clone());
        let refused = Backup::open(&mixed, PASSCODE).unwrap_err();
        assert!(matches!(refused, BackupError::Damaged(_)), "{part}: {refused}");
    }
}

#[test]
fn what_was_sealed_to_the_device_by_another_is_refused() {
    // Its public key is known to every contact.
    let backup = backup();
    let file = backup.seal(&passcode(PASSCODE)).unwrap();
    let forged = Inner {
        iss: backup.identity.account.public().thumbprint(),
        made: 0,
        lan: Secret(pkcs8::to_pem(&new_key()).unwrap().to_string()),
        factory: Factory::default(),
        config: String::new(),
        journal: backup.journal.clone(),
    };
    let forged = jws::sign(&new_key(), BACKUP, &serde_json::to_vec(&forged).unwrap());
    let account = backup.identity.account.public();
    let sealed = jwe::encrypt_to(account, BACKUP, forged.as_bytes(), &mut rng::system()).unwrap();
    let file = changed(&file, |outer| outer["sealed"] = sealed.into());
    assert!(matches!(Backup::open(&file, PASSCODE), Err(BackupError::Damaged(_))));
}

/// What was sealed is believed no more than the journal's own signatures say: who has the key of a device and not its journal
/// cannot write another one for it.
#[test]
fn what_is_behind_the_seal_is_looked_at_all_the_same() {
    let good = backup();
    let account = || good.identity.account.clone();
    let inner = |change: &dyn Fn(&mut Value)| {
        let inner = Inner {
            iss: account().public().thumbprint(),
            made: 0,
            lan: Secret(pkcs8::to_pem(&new_key()).unwrap().to_string()),
            factory: Factory::default(),
            config: String::new(),
            journal: good.journal.clone(),
        };
        let mut json: Value = serde_json::from_slice(&inner.to_json().unwrap()).unwrap();
        change(&mut json);
        Backup::of_json(account(), &serde_json::to_vec(&json).unwrap()).map(|opened| opened.rights.seq())
    };
    assert_eq!(inner(&|_| ()), Ok(2));
    let other = new_key().public().thumbprint();
    type Spoil<'a> = &'a dyn Fn(&mut Value);
    let spoilt: [(&str, Spoil<'_>); 6] = [
        ("another's name", &|json| json["iss"] = serde_json::json!(other)),
        ("no key", &|json| json["lan"] = "".into()),
        ("a change less", &|json| drop(json["journal"]["changes"].as_array_mut().unwrap().pop())),
        ("no word of where it stood", &|json| json["journal"]["standing"] = "".into()),
        ("more than is known", &|json| json["journal"]["more"] = 1.into()),
        ("a call without content", &|json| json["journal"]["calls"] = serde_json::json!([{}])),
    ];
    for (what, spoil) in spoilt {
        assert!(inner(spoil).is_err(), "{what}");
    }
}

#[test]
fn what_is_longer_than_a_backup_holds_is_refused_when_it_is_made() {
    let mut long = backup();
    long.journal.changes = vec!["x".repeat(64 << 10); 513];
    assert_eq!(long.seal(&passcode(PASSCODE)), Err(BackupError::TooLong));
    long.journal.changes.truncate(510);
    let file = long.seal(&passcode(PASSCODE)).unwrap();
    assert!((file.len() as u64) < MAX_FILE, "what is made can be read");
}

/// A buffer that had grown would have left copies of the key.
#[test]
fn there_is_room_for_all_of_it_from_the_first() {
    let mut backup = backup();
    backup.config = "\u{1}".repeat(5000);
    let inner = Inner {
        iss: backup.identity.account.public().thumbprint(),
        made: 0,
        lan: Secret(pkcs8::to_pem(&backup.identity.lan).unwrap().to_string()),
        factory: backup.identity.factory.clone(),
        config: backup.config.clone(),
        journal: backup.journal.clone(),
    };
    let json = inner.to_json().unwrap();
    let room = OVERHEAD + 6 * backup.config.len();
    assert!(json.len() > 6 * 5000 && json.capacity() >= room && json.capacity() < 2 * room);
}

#[test]
fn a_key_that_costs_too_much_to_open_is_not_opened() {
    let file = backup().seal(&passcode(PASSCODE)).unwrap();
    let plain = changed(&file, |outer| outer["key"] = pkcs8::to_pem(&new_key()).unwrap().as_str().into());
    assert!(matches!(Backup::open(&plain, PASSCODE), Err(BackupError::Key(_))));
    let none = changed(&file, |outer| outer["key"] = "".into());
    assert!(matches!(Backup::open(&none, PASSCODE), Err(BackupError::Key(_))));
}

proptest! {
    // Each opens a key, which is made to take its time.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_that_was_changed_or_cut_anywhere_does_not_open(at in 0.0..1.0f64, bit in 0..8u8, cut in any::<bool>()) {
        let file = backup().seal(&passcode(PASSCODE)).unwrap();
        // The last byte is a line feed, without which it is whole.
        let at = (at * (file.len() - 1) as f64) as usize;
        let mut spoilt = file.clone();
        if cut {
            spoilt.truncate(at);
        } else {
            spoilt[at] ^= 1 << bit;
        }
        if let Ok(opened) = Backup::open(&spoilt, PASSCODE) {
            let opened = opened.backup;
            // Text may be written in another way, such as a letter of its JSON escaped; what comes out is the same.
            let first = Backup::open(&file, PASSCODE).unwrap().backup;
            prop_assert_eq!(opened.identity.account.public(), first.identity.account.public());
            prop_assert_eq!((opened.config, opened.journal), (first.config, first.journal));
        }
    }
}
