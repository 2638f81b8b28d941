//! The process dies at every place on the way from one device of a folder to another. What it leaves is one of the two, or
//! nobody's, and takes whatever is asked for next.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use streembit_agent::backup::{Backup, Import, import};
use streembit_agent::clock::{Clock, VirtualTime};
use streembit_agent::failpoint::REPLACING;
use streembit_agent::identity::{
    DataFolder, Factory, Identity, IdentityError, Keeper, Origin, Past, create, finish_reset, reset,
};
use streembit_agent::journal::{Journal, Settings, extract, knows_nobody};
use streembit_keys::passcode::Passcode;
use streembit_keys::rng::system;
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::rights::Change;

use super::house::{NOON, label, new_key};

const PASSCODE: &str = "Correct-horse-7";

/// Set for the process that is to die: `import` or `reset`, and where.
const WHAT: &str = "STREEMBIT_CRASH_REPLACING";

fn open(data: &DataFolder) -> Journal {
    let key = Identity::load(data, None).unwrap().account;
    let clock = Arc::new(Clock::new(VirtualTime::new(NOON, true)));
    Journal::open(&data.state(), &key, clock, Settings::default()).unwrap()
}

/// A device that somebody has claimed, and its backup.
async fn claimed(data: &DataFolder) -> PublicKey {
    let factory = Some(Factory { serial: Some("1234".to_owned()), ..Factory::default() });
    let key = create(data, Origin { factory, ..Origin::default() }, &mut system()).unwrap();
    let claim = Change::Claim { key: new_key().public().clone(), name: label("Ada"), recovery: None };
    open(data).change_rights_here(claim).await.unwrap();
    key
}

fn back_up(data: &DataFolder, file: &Path) {
    let identity = Identity::load(data, None).unwrap();
    let journal = extract(&data.state(), identity.account.public()).unwrap();
    let backup = Backup { identity, made: NOON, config: "name = \"Garage\"\n".to_owned(), journal };
    let passcode = Passcode::new(PASSCODE.to_owned().into()).unwrap();
    std::fs::write(file, backup.seal(&passcode).unwrap()).unwrap();
}

fn bring_back(data: &DataFolder, file: &Path) -> Result<PublicKey, IdentityError> {
    let backup = Backup::open(&std::fs::read(file).unwrap(), PASSCODE).unwrap().backup;
    let (revoked, past) = (Vec::new(), Past::Counts);
    import(data, Import { backup, revoked, keep_config: false, keeper: Keeper::Folder, past }, &mut system())
}

/// Does nothing but in the process that [`dies_at`] starts.
#[test]
fn the_machine_that_dies() {
    let Some(what) = std::env::var_os(WHAT) else { return };
    let folder = std::path::PathBuf::from(std::env::var_os(super::FOLDER).unwrap());
    let data = DataFolder::new(folder.join("machine"));
    if what == "import" {
        bring_back(&data, &folder.join("backup")).unwrap();
    } else {
        reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap();
    }
}

fn dies_at(folder: &Path, what: &str, place: &str) {
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "replacing::the_machine_that_dies"])
        .env(WHAT, what)
        .env(super::FOLDER, folder)
        .env("STREEMBIT_FAILPOINT", place)
        .output()
        .unwrap();
    // SIGABRT: it came to the place.
    let stderr = String::from_utf8_lossy(&died.stderr);
    assert_eq!(died.status.signal(), Some(6), "{what} at {place}: {stderr}");
}

fn who(data: &DataFolder) -> Thumbprint {
    Identity::load(data, None).unwrap().account.public().thumbprint()
}

#[tokio::test]
async fn an_import_that_dies_leaves_nobodys_device_and_can_be_done_again() {
    let source = tempfile::tempdir().unwrap();
    let old = DataFolder::new(source.path().join("old"));
    let device = claimed(&old).await.thumbprint();
    back_up(&old, &source.path().join("backup"));
    for empty in [true, false] {
        for place in REPLACING {
            for next in ["run", "init", "import", "factory-reset"] {
                let case = format!("{place}, {next}, empty: {empty}");
                let folder = tempfile::tempdir().unwrap();
                std::fs::copy(source.path().join("backup"), folder.path().join("backup")).unwrap();
                let data = DataFolder::new(folder.path().join("machine"));
                if !empty {
                    // With a journal of its own, of nobody.
                    create(&data, Origin::default(), &mut system()).unwrap();
                    drop(open(&data));
                    std::fs::write(data.config(), "name = \"shed\"\n").unwrap();
                }
                dies_at(folder.path(), "import", place);
                assert!(data.is_interrupted(), "{case}");
                match next {
                    "run" => {
                        assert!(finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().is_some())
                    }
                    "init" => drop(create(&data, Origin::default(), &mut system()).unwrap()),
                    "import" => drop(bring_back(&data, &folder.path().join("backup")).unwrap()),
                    _ => drop(reset(&data, &data.lock().unwrap(), Past::Counts, &mut system()).unwrap()),
                }
                assert!(!data.is_interrupted(), "{case}");
                assert_eq!(who(&data) == device, next == "import", "{case}");
                assert_eq!(knows_nobody(&data.state()).unwrap(), next != "import", "{case}");
                let serial = Identity::load(&data, None).unwrap().factory.serial;
                assert_eq!(serial.is_some(), next == "import", "{case}: {serial:?}");
                let config = std::fs::read_to_string(data.config()).unwrap();
                assert_eq!(config == "name = \"Garage\"\n", next == "import", "{case}");
                assert_eq!(config.contains("shed"), !empty && ["run", "init"].contains(&next), "{case}");
                let contacts = open(&data).rights().contacts().count();
                assert_eq!(contacts, usize::from(next == "import"), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_reset_that_dies_leaves_nothing_of_the_device_but_its_floor_and_its_serial_number() {
    // The first places are an import's alone.
    for place in REPLACING.iter().skip_while(|place| **place != "replace-wiped") {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path().join("machine"));
        let before = claimed(&data).await.thumbprint();
        dies_at(folder.path(), "reset", place);
        finish_reset(&data, &data.lock().unwrap(), &mut system()).unwrap().unwrap();
        assert_ne!(who(&data), before, "{place}");
        assert_eq!(Identity::load(&data, None).unwrap().factory.serial.as_deref(), Some("1234"), "{place}");
        let floors = streembit_agent::journal::read_floors(&data.state()).unwrap();
        assert_eq!(floors.clock, Some(NOON), "{place}");
        assert_eq!(open(&data).rights().contacts().count(), 0, "{place}");
    }
}
