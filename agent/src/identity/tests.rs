use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use streembit_keys::rng::system;

use super::marker::Marker;
use super::*;

pub(crate) fn folder() -> (tempfile::TempDir, DataFolder) {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::new(folder.path().join("device"));
    (folder, data)
}

/// Somebody who is not root.
pub(crate) const USER: u32 = 4242;

/// A folder of that user's, with the config and the account's key where root keeps them. For root alone: nobody else can give
/// files away.
pub(crate) fn anothers_folder() -> Option<(tempfile::TempDir, DataFolder)> {
    if !rustix::process::geteuid().is_root() {
        let ci = std::env::var("CI");
        assert_ne!(ci.as_deref(), Ok("true"), "the gate runs as root: this would not be tested");
        return None;
    }
    let (folder, data) = folder();
    let data = data
        .with_config(folder.path().join("etc/agent.toml"))
        .with_account_key(folder.path().join("etc/account.key"));
    fs::create_dir(data.path()).unwrap();
    std::os::unix::fs::chown(data.path(), Some(USER), Some(USER)).unwrap();
    Some((folder, data))
}

/// Whose a file is, its group's, and its mode.
pub(crate) fn whose(path: &Path) -> (u32, u32, u32) {
    let file = fs::symlink_metadata(path).unwrap();
    (file.uid(), file.gid(), file.mode() & 0o777)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_device_has_two_private_keys_and_a_config_that_is_right() {
    let (_folder, data) = folder();
    let public = create(&data, Origin::default(), &mut system()).unwrap();
    let identity = Identity::load(&data, None).unwrap();
    assert_eq!(identity.account.public(), &public);
    assert_ne!(identity.lan.public(), &public);
    assert_eq!(identity.factory, Factory::default());
    assert_eq!(mode(data.path()), 0o700);
    for path in [data.account_key().to_owned(), data.lan_key(), data.config().to_owned()] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    crate::config::Config::load(data.config()).unwrap();
}

#[test]
fn a_device_is_never_overwritten() {
    let (_folder, data) = folder();
    let public = create(&data, Origin::default(), &mut system()).unwrap();
    let again = create(&data, Origin::default(), &mut system());
    assert!(matches!(again, Err(IdentityError::Exists(_))), "{again:?}");
    assert_eq!(Identity::load(&data, None).unwrap().account.public(), &public);
}

#[test]
fn a_key_and_a_serial_number_come_from_the_factory() {
    let (folder, data) = folder();
    let key = PrivateKey::generate(&mut system());
    let (key_file, factory_file) = (folder.path().join("key"), folder.path().join("factory"));
    fs::write(&key_file, pkcs8::to_pem(&key).unwrap().as_bytes()).unwrap();
    fs::write(&factory_file, r#"{"manufacturer": "Example Doors Ltd", "model": "GD-2", "serial": "1"}"#)
        .unwrap();

    // The factory's key file must be as private as any other.
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = Origin::from_files(Some(&key_file), Some(&factory_file));
    assert!(matches!(exposed, Err(IdentityError::File(FileError::Exposed { .. }))), "{exposed:?}");
    assert!(!data.is_initialised());

    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let origin = Origin::from_files(Some(&key_file), Some(&factory_file)).unwrap();
    assert_eq!(&create(&data, origin, &mut system()).unwrap(), key.public());
    let identity = Identity::load(&data, None).unwrap();
    assert_eq!(identity.factory.serial.as_deref(), Some("1"));
}

#[test]
fn a_factory_file_that_is_none_is_refused() {
    for bad in [
        "",
        "[]",
        r#"{"maker": "x"}"#,
        r#"{"serial": ""}"#,
        r#"{"serial": 5}"#,
        "{\"serial\": \"a\\nb\"}",
        &format!(r#"{{"serial": "{}"}}"#, "x".repeat(129)),
    ] {
        assert!(Factory::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_folder_without_a_device_says_so() {
    let (_folder, data) = folder();
    assert!(matches!(Identity::load(&data, None), Err(IdentityError::NotInitialised(_))));
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let (_folder, data) = folder();
    create(&data, Origin::default(), &mut system()).unwrap();
    fs::set_permissions(data.account_key(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Identity::load(&data, None), Err(IdentityError::File(FileError::Exposed { .. }))));
}

#[test]
fn a_systemd_credential_serves_without_the_file_and_only_for_its_own_device() {
    let (folder, data) = folder();
    let public = create(&data, Origin::default(), &mut system()).unwrap();
    let credential = folder.path().join("account.key");
    fs::rename(data.account_key(), &credential).unwrap();
    // An access control list's mask shows as the group's bits.
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(Identity::load(&data, Some(folder.path())).unwrap().account.public(), &public);
    assert!(matches!(Identity::load(&data, None), Err(IdentityError::NotInitialised(_))));

    // What a factory reset leaves behind where the credential comes from elsewhere.
    let old = fs::read(&credential).unwrap();
    fs::write(data.account_key(), &old).unwrap();
    let new = reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    let loaded = Identity::load(&data, Some(folder.path()));
    assert!(matches!(loaded, Err(IdentityError::OtherKey { .. })), "{loaded:?}");
    fs::remove_file(&credential).unwrap();
    assert_eq!(Identity::load(&data, Some(folder.path())).unwrap().account.public(), &new);
}

#[test]
fn one_program_at_a_time_works_in_the_folder() {
    let (_folder, data) = folder();
    create(&data, Origin::default(), &mut system()).unwrap();
    let lock = data.lock().unwrap();
    assert!(matches!(data.lock(), Err(IdentityError::InUse(_))));
    drop(lock);
    assert!(data.lock().is_ok());
}

/// A device with everything that one can have.
fn full_device() -> (tempfile::TempDir, DataFolder, streembit_keys::PublicKey) {
    let (folder, data) = folder();
    let origin = Origin {
        factory: Some(Factory { serial: Some("7".into()), ..Factory::default() }),
        ..Origin::default()
    };
    let public = create(&data, origin, &mut system()).unwrap();
    fs::write(data.config(), "name = \"Mine\"\n").unwrap();
    let key = Identity::load(&data, None).unwrap().account;
    let clock = std::sync::Arc::new(crate::clock::Clock::system());
    drop(crate::journal::Journal::open(&data.state(), &key, clock, Default::default()).unwrap());
    fs::write(data.path().join("state.db-marks"), "more").unwrap();
    for inner in ["floors/root.json", "publishers/a.json", "plugins/door.cwasm"] {
        let path = data.path().join(inner);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, inner).unwrap();
    }
    (folder, data, public)
}

fn is_wiped(data: &DataFolder, old: &streembit_keys::PublicKey) {
    let identity = Identity::load(data, None).unwrap();
    assert_ne!(identity.account.public(), old);
    assert_eq!(identity.factory.serial.as_deref(), Some("7"));
    assert_eq!(fs::read_to_string(data.config()).unwrap(), crate::config::DEFAULT);
    for gone in ["state.db", "state.db-marks", "plugins", "reset"] {
        assert!(!data.path().join(gone).exists(), "{gone}");
    }
    for kept in ["floors/root.json", "publishers/a.json"] {
        assert_eq!(fs::read_to_string(data.path().join(kept)).unwrap(), kept);
    }
}

#[test]
fn a_reset_wipes_everything_but_floors_publishers_and_what_the_factory_wrote() {
    let (_folder, data, old) = full_device();
    let lock = data.lock().unwrap();
    let new = reset(&data, &lock, Past::Counts, &mut system()).unwrap();
    assert_eq!(Identity::load(&data, None).unwrap().account.public(), &new);
    is_wiped(&data, &old);
}

#[test]
fn a_reset_that_a_power_cut_interrupted_is_finished_at_the_next_start() {
    // However far it came, what is left is a marker and some of the files.
    for already_gone in
        [&[][..], &["state.db"], &["account.key"], &["account.key", "lan.key", "state.db", "config.toml"]]
    {
        let (_folder, data, old) = full_device();
        fs::write(data.reset_marker(), "").unwrap();
        for name in already_gone {
            fs::remove_file(data.path().join(name)).unwrap();
        }
        let lock = data.lock().unwrap();
        assert!(finish_reset(&data, &lock, &mut system()).unwrap().is_some());
        is_wiped(&data, &old);
        assert!(finish_reset(&data, &lock, &mut system()).unwrap().is_none());
    }
}

#[test]
fn an_installed_device_has_its_config_and_its_key_in_etc_and_any_other_beside_the_rest() {
    assert_eq!(DataFolder::new(DEFAULT_DATA).config(), Path::new("/etc/streembit/agent.toml"));
    assert_eq!(DataFolder::new("/srv/door").config(), Path::new("/srv/door/config.toml"));
    assert_eq!(DataFolder::new(DEFAULT_DATA).account_key(), Path::new("/etc/streembit/account.key"));
    assert_eq!(DataFolder::new("/srv/door").account_key(), Path::new("/srv/door/account.key"));
    let elsewhere = DataFolder::new(DEFAULT_DATA).with_config("/srv/agent.toml".into());
    assert_eq!(elsewhere.config(), Path::new("/srv/agent.toml"));
}

#[test]
fn a_config_that_is_there_is_kept_by_init_and_made_new_by_a_reset() {
    let (folder, data) = folder();
    let data = data.with_config(folder.path().join("etc/agent.toml"));
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(data.config(), "name = \"Mine\"\n").unwrap();
    create(&data, Origin::default(), &mut system()).unwrap();
    assert_eq!(fs::read_to_string(data.config()).unwrap(), "name = \"Mine\"\n");
    reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    assert_eq!(fs::read_to_string(data.config()).unwrap(), crate::config::DEFAULT);
    assert!(!data.path().join("config.toml").exists());
}

#[test]
fn a_reset_that_cannot_reach_the_config_ends_before_anything_is_gone() {
    let (folder, data, _) = full_device();
    let data = data.with_config(folder.path().join("no-such-folder/agent.toml"));
    assert!(reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).is_err());
    assert!(data.state().exists() && data.account_key().exists());
    // What was begun is not forgotten.
    fs::create_dir(folder.path().join("no-such-folder")).unwrap();
    assert!(finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().is_some());
    assert!(!data.state().exists());
}

#[test]
fn what_root_makes_in_anothers_folder_is_that_users_but_for_the_key_that_root_keeps() {
    let Some((_folder, data)) = anothers_folder() else { return };
    let check = |key: (u32, u32, u32)| {
        assert_eq!(whose(data.account_key()), key);
        assert_eq!(whose(data.config()), (0, USER, 0o640));
        for entry in fs::read_dir(data.path()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(whose(&path), (USER, USER, 0o600), "{}", path.display());
        }
    };
    for (keeper, key) in [(Keeper::Root, (0, 0, 0o600)), (Keeper::Folder, (USER, USER, 0o600))] {
        let _ = fs::remove_file(data.account_key());
        let old = create(&data, Origin { keeper, ..Origin::default() }, &mut system()).unwrap();
        check(key);
        let new = reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
        assert_ne!(old, new);
        check(key);
        // Also where it was interrupted.
        let begun: &[u8] = if keeper == Keeper::Root { b"account.key is root's\n" } else { b"" };
        fs::write(data.reset_marker(), begun).unwrap();
        finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap();
        check(key);
    }
}

/// systemd reads such a key as root: in the service's own folder, the service could have it read any file instead.
#[test]
fn a_key_of_roots_does_not_lie_in_the_folder_of_somebody_else() {
    let (_folder, data) = folder();
    let origin = Origin { keeper: Keeper::Root, ..Origin::default() };
    let made = create(&data, origin, &mut system());
    assert!(matches!(made, Err(IdentityError::KeyOfRootInside(_))), "{made:?}");
    assert!(!data.path().exists());
}

#[test]
fn init_goes_on_where_a_reset_was_interrupted() {
    let (_folder, data, old) = full_device();
    fs::write(data.reset_marker(), "").unwrap();
    fs::remove_file(data.account_key()).unwrap();
    let new = create(&data, Origin::default(), &mut system()).unwrap();
    is_wiped(&data, &old);
    // And nobody throws it away at the next start.
    assert!(finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().is_none());
    assert_eq!(Identity::load(&data, None).unwrap().account.public(), &new);
}

#[test]
fn what_a_reset_was_begun_with_is_what_it_ends_with() {
    // However much of the journal is left, the floors are those that were read before anything was gone.
    let (_folder, data, _) = full_device();
    let floors = crate::journal::Floors { clock: Some(1_795_435_200), generation: 2 };
    let marker = Marker { floors, config: true, ..Marker::default() };
    marker.write(&data).unwrap();
    fs::write(data.state(), "half of it").unwrap();
    let (begun, _) = finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().unwrap();
    assert_eq!(begun, Begun::Reset);
    assert_eq!(crate::journal::read_floors(&data.state()), Ok(floors));
}

#[test]
fn root_follows_no_link_that_the_folders_user_laid() {
    let (folder, data) = folder();
    fs::create_dir(data.path()).unwrap();
    let target = folder.path().join("target");
    std::os::unix::fs::symlink(&target, data.path().join("lock")).unwrap();
    assert!(data.lock().is_err());
    assert!(!target.exists());
}
