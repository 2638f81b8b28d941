//! A data folder on a disk that is really full: nothing is recorded, so nothing moves; all else goes on, and so does the
//! device once there is room.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use streembit_harness::{Device, Finished, Person, Programs, Requests, apart};

/// Set for the process that has mounts of its own.
const APART: &str = "STREEMBIT_TEST_APART";

/// The disk. A fresh device with a compiled plugin and its journal takes some 1.5 MB.
const SIZE: &str = "size=8m";

/// What a last commit or two may still find room for, in pages of the journal that it has already.
const MAY_FIT: usize = 200;

/// Does nothing but in the process that [`a_full_disk_stops_the_door_and_nothing_else`] starts, where a mount concerns
/// nobody else and is gone with the process.
#[test]
fn in_mounts_of_its_own() {
    if std::env::var_os(APART).is_none() {
        return;
    }
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let disk = folder.path().join("garage");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", SIZE, "streembit-test"])
        .arg(&disk)
        .status()
        .unwrap();
    assert!(mounted.success());
    let device = fills_up_while_it_runs(&programs, folder.path(), &disk);
    is_full_at_the_start(device, &disk);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
}

#[test]
fn a_full_disk_stops_the_door_and_nothing_else() {
    let mut apart = apart(&["--mount"]);
    apart.arg(std::env::current_exe().unwrap());
    apart.args(["--exact", "full_disk::in_mounts_of_its_own", "--nocapture"]).env(APART, "1");
    Finished::run(&mut apart).unwrap().success().unwrap();
}

fn fills_up_while_it_runs(programs: &Programs, folder: &Path, disk: &Path) -> Device {
    let mut device = Device::new(programs, folder, "garage").unwrap();
    device.start().unwrap();
    let ada = Person::new(programs, folder, "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    let open = || ada.run(["--json", "invoke", "garage/door/open"]).unwrap();
    open().success().unwrap();
    let process = device.process().unwrap().id();

    fill(disk);
    let mut moved = 1;
    let refused = loop {
        let ended = open();
        if ended.code != Some(0) {
            break ended;
        }
        moved += 1;
        assert!(moved < MAY_FIT, "the disk is not full");
    };
    for ended in [refused, open(), open(), open()] {
        let said = ended.ends_with(1).unwrap().stdout;
        assert!(said.contains("cannot write its journal") && said.contains("disk"), "{said}");
    }
    assert_eq!(device.door().movements(), moved);
    // A change of rights that cannot be written is no refusal either: whoever may make it tries again later.
    let change = ["invite", "garage", "--name", "Bea", "--role", "viewer"];
    let said = ada.run(change).unwrap().ends_with(1).unwrap().stderr;
    assert!(said.contains("cannot write its journal"), "{said}");

    // All that writes nothing is served.
    let state = ada.run(["read", "garage/door/state"]).unwrap().success().unwrap();
    assert_eq!(state.stdout.trim(), "opening");
    let guest = ["invite", "garage", "--name", "Bea", "--role", "viewer"];
    let invited = ada.run(guest).unwrap();
    assert_ne!(invited.code, Some(0), "rights are not changed either: {}", invited.stdout);

    // Whoever asks is told what it is, and what to do.
    let status = device.run(["status"]).unwrap().success().unwrap().stdout;
    assert!(status.contains("NOTHING CAN BE RECORDED") && status.contains("full"), "{status}");
    let check = device.run(["check"]).unwrap().ends_with(1).unwrap().stdout;
    assert!(check.contains("full") && check.contains("Make room on the disk"), "{check}");

    // With room it goes on, in the same process.
    empty(disk);
    for _ in 0..3 {
        open().success().unwrap();
    }
    assert_eq!(device.door().movements(), moved + 3);
    ada.run(guest).unwrap().success().unwrap();
    let status = device.run(["status"]).unwrap().success().unwrap().stdout;
    assert!(!status.contains("NOTHING CAN BE RECORDED"), "{status}");
    assert_eq!(device.process().unwrap().id(), process);
    assert!(device.process().unwrap().runs());
    device.run(["check"]).unwrap().success().unwrap();
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    let journal = Requests::of(&device, "door").unwrap();
    assert!(journal.all_have_ended(), "{journal}");
    assert_eq!(journal.movements(), moved + 3, "{journal}");
    device.stop().unwrap();
    device
}

fn is_full_at_the_start(mut device: Device, disk: &Path) {
    fill(disk);
    let ended = device.run(["run"]).unwrap().ends_with(1).unwrap();
    assert!(ended.stderr.contains("full") && ended.stderr.contains("room"), "{}", ended.stderr);
    // Nothing is wrong with the device, and nobody is told to wipe it.
    assert!(!ended.stderr.contains("factory-reset") && !ended.stderr.contains("damaged"), "{}", ended.stderr);
    empty(disk);
    device.start().unwrap();
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    device.run(["check"]).unwrap().success().unwrap();
    device.stop().unwrap();
}

/// Takes all that is left, to the last byte.
fn fill(disk: &Path) {
    let mut file = File::create(disk.join("filler")).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

fn empty(disk: &Path) {
    fs::remove_file(disk.join("filler")).unwrap();
}
