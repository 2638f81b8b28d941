//! A lost account, and the key in the drawer.

use std::path::Path;

use streembit_harness::{Device, Finished, Person, Programs};

fn program(result: anyhow::Result<Finished>) -> Finished {
    result.unwrap()
}

/// The fingerprint of somebody's account.
fn fingerprint(who: &Person) -> String {
    let offered = program(who.run(["--json", "offer"])).success().unwrap().json().unwrap();
    offered["fingerprint"].as_str().unwrap().to_owned()
}

/// Uses a recovery key, under the passcode that all people of the harness have.
fn recovery(folder: &Path, who: &Person, words: &[&str]) -> Finished {
    let passcode = folder.join("ada.passcode").display().to_string();
    let words: Vec<&str> =
        ["--passcode-file", &passcode, "recovery"].into_iter().chain(words.iter().copied()).collect();
    program(who.run_all(&words))
}

#[test]
fn who_lost_an_account_gets_the_device_back_by_the_recovery_key_and_nobody_else_does() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    let _motor = device.door().motor().unwrap();
    device.start().unwrap();
    let keep = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let offer = keep("garage.offer", &program(device.run(["offer"])).success().unwrap().stdout);

    // Ada claims the device. Bea pairs later, and her recovery key is none of this device.
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    program(ada.run(["pair", &device.pairing_link().unwrap()])).success().unwrap();
    let bea = Person::new(&programs, folder.path(), "bea").unwrap();
    let link =
        program(device.run(["--json", "invite", "--name", "Bea", "--role", "operator"])).success().unwrap();
    let link = link.json().unwrap()["link"].as_str().unwrap().to_owned();
    program(bea.run(["accept", &link])).success().unwrap();

    // Her recovery key goes into the drawer.
    let stick = folder.path().join("stick.pem");
    std::fs::rename(ada.home().join("recovery.pem"), &stick).unwrap();
    let stick = stick.display().to_string();
    let shown = program(ada.run(["recovery"])).success().unwrap().stdout;
    assert!(shown.contains("not on this machine"), "{shown}");

    // The machine with her account is gone; this is her new one.
    let (lost, new) = (fingerprint(&ada), Person::new(&programs, folder.path(), "new").unwrap());
    program(new.run(["contacts", "add", &offer])).success().unwrap();
    program(new.run(["read", "garage/door/state"])).ends_with(3).unwrap();

    // No other recovery key helps, nor does an account's key in its place, nor a file that is none.
    let key_of = |who: &Person, name: &str| who.home().join(name).display().to_string();
    for other in [key_of(&bea, "recovery.pem"), key_of(&new, "recovery.pem"), key_of(&bea, "account.pem")] {
        let refused = recovery(folder.path(), &new, &["use", "garage", "--key", &other]);
        refused.ends_with(3).unwrap();
    }
    recovery(folder.path(), &new, &["use", "garage", "--key", &offer]).ends_with(7).unwrap();
    program(new.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(ada.run(["read", "garage/door/state"])).success().unwrap();

    // A mistake in a name leaves everything as it was.
    let unknown = ["use", "garage", "--key", &stick, "--revoke", "Nobody"];
    recovery(folder.path(), &new, &unknown).ends_with(3).unwrap();
    program(new.run(["read", "garage/door/state"])).ends_with(3).unwrap();

    let back = recovery(folder.path(), &new, &["use", "garage", "--key", &stick, "--revoke", &lost[..10]]);
    assert!(back.success().unwrap().stdout.contains("owner of garage"));
    let known = program(new.run(["contacts", "--json"])).success().unwrap().json().unwrap();
    assert_eq!(known[0]["role"], "owner", "{known}");
    program(new.run(["invoke", "garage/door/open"])).success().unwrap();
    assert_eq!(device.door().movements(), 1);
    program(ada.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(bea.run(["read", "garage/door/state"])).success().unwrap();

    // Her new recovery key comes into force by the old one alone, which ends with that.
    program(new.run(["recovery", "set", "garage"])).ends_with(3).unwrap();
    recovery(folder.path(), &new, &["set", "garage", "--key", &stick]).success().unwrap();
    program(new.run(["recovery", "set", "garage"])).success().unwrap();
    recovery(folder.path(), &bea, &["use", "garage", "--key", &stick]).ends_with(3).unwrap();
    let moved = key_of(&new, "recovery.pem");
    recovery(folder.path(), &new, &["use", "garage", "--key", &moved, "--revoke", "Bea"]).success().unwrap();
    program(bea.run(["read", "garage/door/state"])).ends_with(3).unwrap();
    program(device.run(["journal", "verify"])).success().unwrap();
    device.stop().unwrap();
}

#[test]
fn a_device_whose_last_owner_was_revoked_says_so_everywhere_and_how_to_get_it_back() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    program(ada.run(["pair", &device.pairing_link().unwrap()])).success().unwrap();
    let who = fingerprint(&ada);

    // From afar not at all, at the device not by accident.
    program(ada.run(["revoke", "garage", &who])).ends_with(3).unwrap();
    let told = program(device.run(["revoke", &who])).ends_with(3).unwrap().stderr;
    assert!(told.contains("last owner") && told.contains("--last-owner"), "{told}");
    program(device.run(["check"])).success().unwrap();
    program(ada.run(["read", "garage/device/status"])).success().unwrap();

    program(device.run(["revoke", &who, "--last-owner"])).success().unwrap();
    program(ada.run(["read", "garage/device/status"])).ends_with(3).unwrap();
    for (words, code) in
        [(&["check"][..], 1), (&["contacts"], 0), (&["pair"], 3), (&["pair", "--role", "owner"], 3)]
    {
        let told = match *words {
            [one] => program(device.run([one])),
            _ => program(device.run(["pair", "--role", "owner"])),
        };
        let told = told.ends_with(code).unwrap();
        let told = told.stdout + &told.stderr;
        assert!(
            told.contains("last owner") && told.contains("recovery use") && told.contains("factory-reset"),
            "{told}"
        );
    }

    // A revoked key never comes back; whoever has the recovery key comes with another.
    let key = ada.home().join("recovery.pem").display().to_string();
    recovery(folder.path(), &ada, &["use", "garage", "--key", &key]).ends_with(3).unwrap();
    let offer = folder.path().join("garage.offer");
    std::fs::write(&offer, program(device.run(["offer"])).success().unwrap().stdout).unwrap();
    let new = Person::new(&programs, folder.path(), "new").unwrap();
    program(new.run(["contacts", "add", &offer.display().to_string()])).success().unwrap();
    recovery(folder.path(), &new, &["use", "garage", "--key", &key]).success().unwrap();
    program(new.run(["read", "garage/device/status"])).success().unwrap();
    program(device.run(["check"])).success().unwrap();
    device.stop().unwrap();
}
