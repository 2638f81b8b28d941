//! The process dies before and after every step of a command, and of a change of rights. What it then finds on its disk
//! still verifies, and says of every movement that it was made or may have been.

#![allow(missing_docs, unreachable_pub, dead_code)]
// Most of this is helpers, which clippy does not take for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../commands/house.rs"]
mod house;
#[path = "../commands/stand_in.rs"]
mod stand_in;

mod replacing;

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use house::{House, NOON, call, label, new_key};
use serde_json::json;
use streembit_agent::clock::{Clock, VirtualTime};
use streembit_agent::failpoint;
use streembit_agent::journal::{Journal, Outcome, Settings, What};
use streembit_agent::session::Limits;
use streembit_keys::PrivateKey;
use streembit_peer::message::Operation as O;
use streembit_peer::rights::{Change, Grants, Role};

/// Set for the process that is to die.
const FOLDER: &str = "STREEMBIT_CRASH_FOLDER";

fn key(folder: &Path, name: &str) -> PrivateKey {
    PrivateKey::from_scalar(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// One life of a device: it is claimed, opens its door, is read, admits somebody and revokes them.
async fn live(folder: &Path) {
    let (device, owner) = (key(folder, "device"), key(folder, "owner"));
    let house = House::in_folder(folder, device, owner, VirtualTime::new(NOON, true), Limits::default());
    *house.door.trace.lock().unwrap() =
        Some(File::options().append(true).open(folder.join("moves")).unwrap());
    house.claim().await;
    let person = house.enter(&house.owner).await;
    for n in 1..=3 {
        for call in [
            call(O::InvokeAction, "door", "turn", Some(json!({ "by": n }))),
            call(O::WriteProperty, "door", "speed", Some(json!(n))),
            call(O::ReadProperty, "door", "state", None),
            call(O::ObserveProperty, "door", "state", None),
        ] {
            person.call(&call, Duration::from_secs(30)).await.unwrap();
        }
        let (guest, name, grants) = (new_key(), label("guest"), Grants::default());
        let change = Change::Admit { key: guest.public().clone(), name, role: Role::Operator, grants };
        house.device.change_rights_here(change).await.unwrap();
        house.enter(&guest).await;
        house.revoke(&guest).await;
    }
}

/// Does nothing but in the process that [`dies_at`] starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_device_that_dies() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        live(Path::new(&folder)).await;
    }
}

fn dies_at(place: &str, turn: u32) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["device", "owner"] {
        std::fs::write(folder.path().join(name), new_key().to_scalar().as_slice()).unwrap();
    }
    std::fs::write(folder.path().join("moves"), b"").unwrap();
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_device_that_dies"])
        .env(FOLDER, folder.path())
        .env("STREEMBIT_FAILPOINT", format!("{place}:{turn}"))
        .output()
        .unwrap();
    // SIGABRT: it came to the place.
    assert_eq!(died.status.signal(), Some(6), "{place}:{turn}: {}", String::from_utf8_lossy(&died.stderr));
    check(folder.path(), &format!("{place}:{turn}"));
}

/// What the next start finds.
fn check(folder: &Path, case: &str) {
    let clock = Arc::new(Clock::new(VirtualTime::new(NOON, true)));
    let state = folder.join("state.db");
    let journal = Journal::open(&state, &key(folder, "device"), clock, Settings::default())
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(journal.verify(None)).unwrap();
    assert!(report.holds(), "{case}: {:?}", report.findings);
    let entries = runtime.block_on(journal.read(1, 1000)).unwrap();
    let count =
        |which: &dyn Fn(&What) -> bool| entries.iter().filter(|entry| which(&entry.body.what)).count() as u64;
    let done = count(&|what| matches!(what, What::Outcome { result: Outcome::Ok, .. }));
    let unknown = count(&|what| matches!(what, What::OutcomeUnknown { .. }));
    let unmoved = count(&|what| matches!(what, What::NothingMoved { .. }));
    let intents = count(&|what| matches!(what, What::Intent { .. }));
    let moved = std::fs::metadata(folder.join("moves")).unwrap().len();
    assert_eq!(intents, done + unknown + unmoved, "{case}: every intent has an end");
    assert!(unknown + unmoved <= 1, "{case}: one at a time was under way");
    assert_eq!(moved, done + unknown, "{case}: {done} completed, {unknown} unknown, {unmoved} not moved");
}

#[test]
fn at_every_place_the_first_time_and_later() {
    for place in failpoint::NAMES {
        for turn in [1, 3] {
            dies_at(place, turn);
        }
    }
}
