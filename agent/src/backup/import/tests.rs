use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use streembit_keys::PublicKey;
use streembit_keys::rng::system;

use super::*;
use crate::backup::tests::backup;
use crate::identity::tests::{USER, anothers_folder, folder, whose};
use crate::identity::{Begun, Factory, Identity, create, finish_reset, reset};
use crate::journal::{Floors, Journal, knows_nobody, read_floors};

fn all_of(backup: Backup) -> Import {
    Import { backup, revoked: Vec::new(), keep_config: false, keeper: Keeper::Folder, past: Past::Counts }
}

fn import_into(data: &DataFolder, backup: Backup) -> Result<PublicKey, IdentityError> {
    import(data, all_of(backup), &mut system())
}

/// What the journal of the folder would begin with.
fn beginning(data: &DataFolder) -> Beginning {
    Beginning::read(&data.state()).unwrap().unwrap()
}

fn lay_floors(data: &DataFolder, floors: Floors) {
    let beginning = Beginning { floors, ..Beginning::default() };
    fs::write(Beginning::path(&data.state()), serde_json::to_vec(&beginning).unwrap()).unwrap();
}

fn start(data: &DataFolder) {
    let key = Identity::load(data, None).unwrap().account;
    let clock = std::sync::Arc::new(crate::clock::Clock::system());
    drop(Journal::open(&data.state(), &key, clock, Default::default()).unwrap());
}

fn serial(data: &DataFolder) -> Option<String> {
    Identity::load(data, None).unwrap().factory.serial
}

#[test]
fn an_empty_folder_becomes_the_device_with_all_that_it_had() {
    let (_folder, data) = folder();
    let wanted = backup();
    let (account, lan) = (wanted.identity.account.public().clone(), wanted.identity.lan.public().clone());
    let journal = wanted.journal.clone();
    assert_eq!(import_into(&data, wanted).unwrap(), account);
    let identity = Identity::load(&data, None).unwrap();
    assert_eq!((identity.account.public(), identity.lan.public()), (&account, &lan));
    assert_eq!(identity.factory.serial.as_deref(), Some("0001234"));
    assert_eq!(fs::read_to_string(data.config()).unwrap(), "name = \"Garage\"\n");
    assert!(!data.replaced_config().exists(), "there was none");
    assert_eq!(beginning(&data), Beginning { from: Some(journal), ..Beginning::default() });
    assert!(!data.is_interrupted());
    start(&data);
}

#[test]
fn a_device_that_somebody_has_taken_is_never_overwritten() {
    let (_folder, data) = folder();
    let account = import_into(&data, backup()).unwrap();
    // Not before its first start, and not after it.
    for started in [false, true] {
        if started {
            start(&data);
        }
        let again = import_into(&data, backup());
        assert!(matches!(again, Err(IdentityError::Taken(_))), "{again:?}");
        assert_eq!(Identity::load(&data, None).unwrap().account.public(), &account);
    }
    // One whose journal cannot be read may be somebody's.
    fs::write(data.state(), "damaged").unwrap();
    let import_now = |past| import(&data, Import { past, ..all_of(backup()) }, &mut system());
    for past in [Past::Counts, Past::Forgotten] {
        let again = import_now(past);
        assert!(matches!(again, Err(IdentityError::Unclear { .. })), "{again:?}");
    }
    // Nor while an agent runs there.
    let _lock = data.lock().unwrap();
    assert!(matches!(import_into(&data, backup()), Err(IdentityError::InUse(_))));
}

#[test]
fn one_that_nobody_has_taken_gives_way_and_keeps_its_floors_and_its_serial_number() {
    let (_folder, data) = folder();
    let factory = Factory { serial: Some("7".into()), ..Factory::default() };
    create(&data, Origin { factory: Some(factory), ..Origin::default() }, &mut system()).unwrap();
    // With a journal of its own, which a clock wrote that is ahead of the backup's.
    start(&data);
    let floors = read_floors(&data.state()).unwrap();
    let backup = backup();
    let ahead = Floors { clock: Some(backup.journal.floor.unwrap() + 1000), generation: 5 };
    lay_floors(&data, ahead);
    fs::create_dir(data.path().join("floors")).unwrap();
    fs::write(data.path().join("floors/root.json"), "9").unwrap();
    fs::create_dir(data.plugins()).unwrap();

    let account = import_into(&data, backup).unwrap();
    let identity = Identity::load(&data, None).unwrap();
    assert_eq!(identity.account.public(), &account);
    assert_eq!(identity.factory.serial.as_deref(), Some("7"), "this machine's own");
    assert_eq!(fs::read_to_string(data.path().join("floors/root.json")).unwrap(), "9");
    assert!(!data.plugins().exists());
    assert_eq!(beginning(&data).floors, ahead.max(floors), "the higher ones");
}

#[test]
fn floors_are_forgotten_only_where_root_says_so() {
    let (_folder, data) = folder();
    create(&data, Origin::default(), &mut system()).unwrap();
    lay_floors(&data, Floors { clock: Some(4_102_444_800), generation: 3 });
    // A factory reset keeps what somebody who had the service's user wrote there, and can be told not to.
    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    assert_eq!(read_floors(&data.state()).unwrap().clock, Some(4_102_444_800));
    let wanted = backup();
    import(&data, Import { past: Past::Forgotten, ..all_of(wanted) }, &mut system()).unwrap();
    assert_eq!(read_floors(&data.state()), Ok(Floors::default()), "nor that of the backup");

    // One that cannot be read is none that is lost by itself.
    fs::write(data.state(), "damaged").unwrap();
    let key = data.account_key().to_owned();
    let before = fs::read(&key).unwrap();
    let refused = reset(&data, &data.lock().unwrap(), Past::Counts, &mut system());
    assert!(matches!(refused, Err(IdentityError::Unclear { .. })), "{refused:?}");
    assert!(!data.is_interrupted() && fs::read(&key).unwrap() == before, "nothing was begun");
    reset(&data, &data.lock().unwrap(), Past::Forgotten, &mut system()).unwrap();
    assert_eq!(read_floors(&data.state()), Ok(Floors::default()));
}

#[test]
fn a_config_that_was_there_lies_beside_the_new_one_or_stays_untouched() {
    let (_folder, data) = folder();
    create(&data, Origin::default(), &mut system()).unwrap();
    fs::write(data.config(), "name = \"shed\"\n").unwrap();
    fs::set_permissions(data.config(), fs::Permissions::from_mode(0o640)).unwrap();
    let keep = Import { keep_config: true, ..all_of(backup()) };
    import(&data, keep, &mut system()).unwrap();
    assert_eq!(fs::read_to_string(data.config()).unwrap(), "name = \"shed\"\n");
    let mode = fs::metadata(data.config()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "nobody wrote it");
    assert!(!data.replaced_config().exists());

    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    fs::write(data.config(), "name = \"shed\"\n").unwrap();
    import_into(&data, backup()).unwrap();
    assert_eq!(fs::read_to_string(data.config()).unwrap(), "name = \"Garage\"\n");
    assert_eq!(fs::read_to_string(data.replaced_config()).unwrap(), "name = \"shed\"\n");
    // It is the owner's, too.
    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    assert!(!data.replaced_config().exists());
}

#[test]
fn a_config_that_cannot_be_written_ends_it_before_anything_is_gone() {
    let (folder, data) = folder();
    let account = create(&data, Origin::default(), &mut system()).unwrap();
    let unreachable = data.clone().with_config(folder.path().join("file/agent.toml"));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(import_into(&unreachable, backup()).is_err());
    assert_eq!(Identity::load(&data, None).unwrap().account.public(), &account);
    assert!(!data.is_interrupted(), "and nobody goes on with it");
}

#[test]
fn after_a_factory_reset_nothing_of_the_backup_is_left_but_the_floors() {
    let (_folder, data) = folder();
    let wanted = backup();
    let clock = wanted.journal.floor;
    import_into(&data, wanted).unwrap();
    assert_eq!(serial(&data).as_deref(), Some("0001234"));
    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    let floors = Floors { clock, generation: 0 };
    assert_eq!(beginning(&data), Beginning { floors, ..Beginning::default() });
    assert!(knows_nobody(&data.state()).unwrap());
    assert_eq!(serial(&data), None, "this machine is not that one");
    assert_eq!(fs::read_to_string(data.config()).unwrap(), crate::config::DEFAULT);
}

#[test]
fn what_was_interrupted_gives_way_to_whatever_is_asked_for_next() {
    type Next = fn(&DataFolder) -> PublicKey;
    let next: [(&str, Next); 4] = [
        ("init", |data| create(data, Origin::default(), &mut system()).unwrap()),
        ("factory-reset", |data| reset(data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap()),
        ("run", |data| {
            let (begun, key) = finish_reset(data, &data.lock().unwrap(), &mut system()).unwrap().unwrap();
            assert_eq!(begun, Begun::Import);
            key
        }),
        ("import", |data| import_into(data, backup()).unwrap()),
    ];
    for (name, next) in next {
        let (_folder, data) = folder();
        create(&data, Origin::default(), &mut system()).unwrap();
        fs::write(data.config(), "name = \"shed\"\n").unwrap();
        lay_floors(&data, Floors { clock: Some(5), generation: 2 });
        import_into(&data, backup()).unwrap();
        // As it is before the key is there, in a folder that had a device and settings of its own.
        fs::write(
            data.path().join("reset"),
            r#"{"begun":"import","key_of_root":false,"config":true,"floors":{"clock":9,"generation":2}}"#,
        )
        .unwrap();
        fs::remove_file(data.account_key()).unwrap();
        let key = next(&data);
        assert_eq!(Identity::load(&data, None).unwrap().account.public(), &key, "{name}");
        assert!(!data.is_interrupted(), "{name}");
        let is_import = name == "import";
        assert_eq!(beginning(&data).from.is_some(), is_import, "{name}");
        assert_eq!(beginning(&data).floors, Floors { clock: Some(9), generation: 2 }, "{name}");
        assert_eq!(knows_nobody(&data.state()).unwrap(), !is_import, "{name}");
        assert_eq!(serial(&data).is_some(), is_import, "{name}");
        let config = fs::read_to_string(data.config()).unwrap();
        let wanted = match name {
            "import" => "name = \"Garage\"\n",
            "factory-reset" => crate::config::DEFAULT,
            _ => "name = \"shed\"\n",
        };
        assert_eq!(config, wanted, "{name}");
        // And its next start finds nothing to go on with.
        assert!(finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().is_none());
        start(&data);
    }
}

#[test]
fn what_root_imports_into_anothers_folder_is_that_users() {
    let Some((folder, data)) = anothers_folder() else { return };
    create(&data, Origin { keeper: Keeper::Root, ..Origin::default() }, &mut system()).unwrap();
    fs::write(data.config(), "name = \"shed\"\n").unwrap();
    import_into(&data, backup()).unwrap();
    assert_eq!(whose(data.account_key()), (0, 0, 0o600), "as it was kept before");
    for config in [data.config().to_owned(), data.replaced_config()] {
        assert_eq!(whose(&config), (0, USER, 0o640));
    }
    let names: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.contains(&data.state()) && names.contains(&Beginning::path(&data.state())));
    for path in names {
        assert_eq!(whose(&path), (USER, USER, 0o600), "{}", path.display());
    }

    // What that user put there is neither followed nor waited for, and nothing of root's comes out.
    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "root's alone").unwrap();
    let inside = DataFolder::new(data.path());
    for trap in
        [data.state(), Beginning::path(&data.state()), data.path().join("reset"), inside.config().to_owned()]
    {
        let _ = fs::remove_file(&trap);
        std::os::unix::fs::symlink(&secret, &trap).unwrap();
        assert!(import_into(&inside, backup()).is_err(), "{}", trap.display());
        fs::remove_file(&trap).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &trap, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(import_into(&inside, backup()).is_err(), "{}", trap.display());
        assert!(
            reset(&inside, &inside.lock().unwrap(), Past::Counts, &mut system()).is_err()
                || trap == inside.config()
        );
        let _ = fs::remove_file(&trap);
    }
    assert!(!inside.replaced_config().exists());
}
