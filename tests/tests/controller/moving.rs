//! A device that goes on in another machine, out of a backup.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use streembit_harness::{Device, Finished, Motor, Person, Programs};

fn program(result: anyhow::Result<Finished>) -> Finished {
    result.unwrap()
}

/// A file that only its owner reads.
fn private(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// Somebody whom the device has let in by a link.
fn guest(device: &Device, programs: &Programs, folder: &Path, name: &str, words: &[&str]) -> Person {
    let person = Person::new(programs, folder, name).unwrap();
    let words: Vec<&str> =
        ["--json", "invite", "--name", name].into_iter().chain(words.iter().copied()).collect();
    let link = program(device.run_all(&words)).success().unwrap().json().unwrap();
    program(person.run(["accept", link["link"].as_str().unwrap()])).success().unwrap();
    person
}

/// A device with a door that moves, and its owner.
fn garage(programs: &Programs, folder: &Path) -> (Device, Motor, Person) {
    let mut device = Device::new(programs, folder, "garage").unwrap();
    let motor = device.door().motor().unwrap();
    device.start().unwrap();
    // Its place in the network goes on with it, by its settings and by the key of its transport.
    device.stay().unwrap();
    let ada = Person::new(programs, folder, "ada").unwrap();
    program(ada.run(["pair", &device.pairing_link().unwrap()])).success().unwrap();
    (device, motor, ada)
}

/// A machine without a device.
fn machine(programs: &Programs, folder: &Path, name: &str) -> Device {
    let device = Device::new(programs, folder, name).unwrap();
    fs::remove_dir_all(device.data()).unwrap();
    device
}

#[test]
fn a_device_goes_on_elsewhere_with_its_owner_and_others_wait_to_be_confirmed() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let (mut old, _motor, ada) = garage(&programs, folder.path());
    let bea = guest(&old, &programs, folder.path(), "bea", &["--allow", "door/open"]);
    let carl = guest(&old, &programs, folder.path(), "carl", &["--role", "viewer"]);
    let eve = guest(&old, &programs, folder.path(), "eve", &["--role", "operator"]);
    program(ada.run(["revoke", "garage", "eve"])).success().unwrap();
    let open = program(ada.run(["--json", "invite", "garage", "--name", "Dora", "--role", "operator"]));
    let open = open.success().unwrap().json().unwrap()["link"].as_str().unwrap().to_owned();
    program(bea.run(["invoke", "garage/door/open"])).success().unwrap();

    // Beside the running agent.
    let passcode = private(folder.path(), "backup.passcode", "Backup-in-a-drawer-1\n");
    let weak = private(folder.path(), "weak.passcode", "password\n");
    let file = folder.path().join("garage.backup").display().to_string();
    program(old.run(["export", &file, "--passcode-file", &weak])).ends_with(7).unwrap();
    program(old.run(["export", &file, "--passcode-file", &passcode])).success().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    program(old.run(["export", &file, "--passcode-file", &passcode])).ends_with(3).unwrap();
    let device = program(old.run(["--json", "status"])).success().unwrap().json().unwrap()["device"].clone();

    // Not over a device that somebody has taken, also not over itself.
    let told = program(old.run(["import", &file, "--passcode-file", &passcode])).ends_with(3).unwrap().stderr;
    assert!(told.contains("in use"), "{told}");
    old.stop().unwrap();
    let told = program(old.run(["import", &file, "--passcode-file", &passcode])).ends_with(3).unwrap().stderr;
    assert!(told.contains("has contacts") && told.contains("factory-reset"), "{told}");

    // On another machine, and with nothing but this file and its passcode.
    let mut new = machine(&programs, folder.path(), "new");
    let wrong = private(folder.path(), "wrong.passcode", "Backup-in-a-drawer-2\n");
    let text = fs::read_to_string(&file).unwrap();
    let damaged = private(folder.path(), "damaged.backup", &text.replace("\"sealed\":\"", "\"sealed\":\"x"));
    let cut = private(folder.path(), "cut.backup", &text[..text.len() / 2]);
    for (file, passcode, said) in [
        (&file, &wrong, "the passcode is wrong, or the backup is damaged"),
        (&damaged, &passcode, "the backup is damaged"),
        (&cut, &passcode, "the backup is damaged"),
        (&passcode, &passcode, "not a backup of a device"),
    ] {
        let told =
            program(new.run(["import", file, "--passcode-file", passcode])).ends_with(7).unwrap().stderr;
        assert!(told.contains(said), "{told}");
        assert!(!new.data().join("account.key").exists());
    }
    let told = program(new.run(["import", &file, "--passcode-file", &passcode])).success().unwrap().stdout;
    let (at_once, rest) = told.split_once("\n2 contacts are suspended until an owner confirms them").unwrap();
    assert!(at_once.contains("  person  ") && at_once.contains("recovery key"), "{told}");
    assert!(!told.contains("bea") && !rest.contains("person  "), "{told}");
    assert!(told.contains("Wipe the machine that was it before"), "{told}");
    new.start().unwrap();
    let status = program(new.run(["--json", "status"])).success().unwrap().json().unwrap();
    assert_eq!(status["device"], device);

    // Its owner goes on, is told once what it is now, and sees no journal that went back.
    let told = program(ada.run(["invoke", "garage/door/open"])).success().unwrap().stderr;
    assert!(told.contains("garage was restored from a backup") && told.contains("streembit confirm garage"));
    assert_eq!(old.door().movements(), 2, "the lines are those of the settings");
    for words in [&["device", "status", "garage"][..], &["log", "garage", "--verify"], &["log", "garage"]] {
        let found = program(ada.run_all(words)).success().unwrap();
        assert!(!found.stderr.contains("went back") && !found.stderr.contains("backup"), "{}", found.stderr);
    }
    let told = program(ada.run(["log", "garage", "--limit", "100"])).success().unwrap().stdout;
    assert!(told.contains("restored from a backup (time 1)"), "{told}");
    let told = program(new.run(["log", "--limit", "100"])).success().unwrap().stdout;
    assert!(told.contains("restored from a backup, time 1;"), "{told}");
    let contact = known(&ada);
    assert_eq!((&contact["generation"], &contact["went_back"]), (&json!(1), &json!(null)));
    // The others may not even knock, by their keys or by a link from before; the revoked stays revoked.
    program(bea.run(["invoke", "garage/door/open"])).ends_with(3).unwrap();
    program(carl.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(eve.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    let dora = Person::new(&programs, folder.path(), "dora").unwrap();
    assert_ne!(program(dora.run(["accept", &open])).code, Some(0));

    // Everybody who looks after it is told.
    let told = program(new.run(["check"])).success().unwrap().stdout;
    assert!(told.contains("2 of the contacts are suspended") && told.contains("streembit confirm"), "{told}");
    assert!(
        program(new.run(["status"])).success().unwrap().stdout.contains("2 of the contacts are suspended")
    );
    assert_eq!(program(new.run(["contacts"])).success().unwrap().stdout.matches("suspended\n").count(), 2);
    let rights = program(ada.run(["read", "garage/device/rights"])).success().unwrap().stdout;
    assert!(rights.contains("\"generation\""), "{rights}");
    let told = program(ada.run(["confirm", "garage"])).success().unwrap().stdout;
    assert!(told.contains("bea") && told.contains("carl") && !told.contains("  eve"), "{told}");

    // One by one, or all.
    program(ada.run(["confirm", "garage", "ada"])).ends_with(3).unwrap();
    program(ada.run(["confirm", "garage", "bea"])).success().unwrap();
    program(bea.run(["invoke", "garage/door/open"])).success().unwrap();
    program(bea.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(carl.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(ada.run(["confirm", "garage", "--all"])).success().unwrap();
    program(carl.run(["read", "garage/door/state"])).success().unwrap();
    program(carl.run(["invoke", "garage/door/open"])).ends_with(3).unwrap();
    program(eve.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    assert_eq!(old.door().movements(), 3);
    assert!(program(ada.run(["confirm", "garage"])).success().unwrap().stdout.contains("Nobody"));
    let told = program(new.run(["check"])).success().unwrap().stdout;
    assert!(!told.contains("suspended"), "{told}");
    program(new.run(["journal", "verify"])).success().unwrap();

    // It survives its next start, and can be exported again.
    new.stop().unwrap();
    program(new.run(["journal", "verify"])).success().unwrap();
    new.start().unwrap();
    program(ada.run(["read", "garage/door/state"])).success().unwrap();
    let again = folder.path().join("again.backup").display().to_string();
    program(new.run(["export", &again, "--passcode-file", &passcode])).success().unwrap();
    new.stop().unwrap();

    // The old machine is wiped, and could then be the device again, with settings of its own.
    program(old.run(["factory-reset", "--yes"])).success().unwrap();
    let own = "name = \"shed\"\n";
    fs::write(old.data().join("config.toml"), own).unwrap();
    let words = ["import", &again, "--keep-config", "--passcode-file", &passcode];
    program(old.run(words)).success().unwrap();
    assert_eq!(fs::read_to_string(old.data().join("config.toml")).unwrap(), own);
    program(old.run(words)).ends_with(3).unwrap();
}

/// What somebody's program knows of the only device.
fn known(person: &Person) -> Value {
    let contacts = program(person.run(["--json", "contacts"])).success().unwrap().json().unwrap();
    let list = contacts.as_array().cloned().unwrap_or_else(|| panic!("{contacts}"));
    list[0].clone()
}

#[test]
fn a_restored_device_has_not_gone_back_and_a_second_one_of_the_same_backup_has() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let (mut old, _motor, ada) = garage(&programs, folder.path());
    let bob = guest(&old, &programs, folder.path(), "bob", &["--role", "operator"]);
    let who = program(old.run(["--json", "contacts"])).success().unwrap().json().unwrap();
    let who = who["contacts"].as_array().unwrap().iter().find(|contact| contact["name"] == "bob").unwrap();
    let key = who["contact"].as_str().unwrap().to_owned();
    let passcode = private(folder.path(), "backup.passcode", "Backup-in-a-drawer-1\n");
    let file = folder.path().join("garage.backup").display().to_string();
    program(old.run(["export", &file, "--passcode-file", &passcode])).success().unwrap();

    // What an owner sees afterwards is not in it.
    for _ in 0..3 {
        program(ada.run(["invoke", "garage/door/open"])).success().unwrap();
    }
    program(ada.run(["device", "status", "garage"])).success().unwrap();
    let seen = known(&ada)["head"]["seq"].as_u64().unwrap();
    old.kill().unwrap();

    // Whom the one who restores it knows to be revoked is so from the first moment on.
    let listed = |device: &Device| {
        program(device.run(["import", &file, "--list", "--passcode-file", &passcode]))
            .success()
            .unwrap()
            .stdout
    };
    let mut new = machine(&programs, folder.path(), "new");
    let told = listed(&new);
    assert!(told.contains("  person  ") && told.contains(&key) && told.contains("recovery key"), "{told}");
    assert!(!new.data().exists(), "nothing is changed by looking");
    for nobody in ["carl", &key[..3], ""] {
        let words = ["import", &file, "--revoke", nobody, "--passcode-file", &passcode];
        let told = program(new.run(words)).ends_with(2).unwrap().stderr;
        assert!(told.contains("nobody in the backup is") && told.contains("--list"), "{told}");
    }
    let recovery = told.lines().find(|line| line.contains("recovery key")).unwrap();
    let recovery = recovery.split_whitespace().last().unwrap();
    let all = ["import", &file, "--revoke", "person", "--revoke", recovery, "--passcode-file", &passcode];
    let told = program(new.run(all)).ends_with(3).unwrap().stderr;
    assert!(told.contains("nobody would be left"), "{told}");
    assert!(!new.data().join("account.key").exists());
    let words = ["import", &file, "--revoke", &key[..8], "--revoke", recovery, "--passcode-file", &passcode];
    let told = program(new.run(words)).success().unwrap().stdout;
    assert!(told.contains("  person  ") && !told.contains(recovery) && !told.contains("suspended"), "{told}");
    new.start().unwrap();
    assert_eq!(program(bob.run(["read", "garage/door/state"])).code, Some(3));
    let told = program(ada.run(["confirm", "garage"])).success().unwrap();
    assert!(
        told.stdout.contains("Nobody") && told.stderr.contains("was restored from a backup"),
        "{}",
        told.stderr
    );
    program(ada.run(["invoke", "garage/door/open"])).success().unwrap();
    program(ada.run(["device", "status", "garage"])).success().unwrap();
    program(ada.run(["log", "garage", "--verify"])).success().unwrap();
    let contact = known(&ada);
    assert!(contact["head"]["seq"].as_u64().unwrap() < seen, "the journal did go back: {contact}");
    assert_eq!((&contact["generation"], &contact["went_back"]), (&json!(1), &json!(null)));
    new.stop().unwrap();

    // The same file once more, on a machine that knows of no other: that is no new journal, but a second one.
    let mut third = machine(&programs, folder.path(), "third");
    program(third.run(["import", &file, "--passcode-file", &passcode])).success().unwrap();
    third.start().unwrap();
    let told = program(ada.run(["device", "status", "garage"])).ends_with(1).unwrap().stderr;
    assert!(told.contains("went back") && !told.contains("was restored from a backup"), "{told}");
    assert!(known(&ada)["went_back"].is_string());
    third.stop().unwrap();

    // A machine that was this device before counts on, so nobody takes that one for the second.
    program(third.run(["factory-reset", "--yes"])).success().unwrap();
    program(third.run(["import", &file, "--passcode-file", &passcode])).success().unwrap();
    third.start().unwrap();
    let told = program(ada.run(["device", "status", "garage"])).success().unwrap().stderr;
    assert!(told.contains("was restored from a backup"), "{told}");
    let contact = known(&ada);
    assert_eq!((&contact["generation"], &contact["went_back"]), (&json!(2), &json!(null)));
    third.stop().unwrap();

    // And the one from before that has the old generation is not this device's newest any more.
    new.start().unwrap();
    let told = program(ada.run(["read", "garage/door/state"])).success().unwrap().stderr;
    assert!(told.contains("made out of a backup 2 times, and now it says 1"), "{told}");
}
