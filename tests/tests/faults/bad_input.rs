//! What people type wrong, and files of the device that are not what they should be: each is told clearly, by the exit code
//! and in words that name it, and nothing moves.

use std::fs;
use std::path::Path;

use streembit_harness::{Device, Person, Programs};
use streembit_peer::offer::Offer;

#[test]
fn what_a_person_asks_wrongly_is_told_and_moves_nothing() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    let link = device.pairing_link().unwrap();
    let half_a_link = &link[..link.len() / 2];
    ada.run(["pair", half_a_link]).unwrap().ends_with(7).unwrap();
    ada.run(["pair", &link]).unwrap().success().unwrap();

    // An offer that lost its end, wherever that was, is none; what it lost may be no more than the dashes.
    let offer = device.run(["offer"]).unwrap().success().unwrap().stdout;
    let whole = Offer::parse(&offer).unwrap();
    for end in 0..offer.len() {
        match Offer::parse(&offer[..end]) {
            Ok(read) => assert_eq!(read.public_key, whole.public_key, "{end} of {} bytes", offer.len()),
            Err(_) => assert!(end < offer.trim_end().len(), "{end} of {} bytes", offer.len()),
        }
    }
    assert!(Offer::parse(&offer[..offer.len() / 2]).is_err());

    let large = folder.path().join("large.json");
    fs::write(&large, format!("\"{}\"", "x".repeat(10 << 20))).unwrap();
    let large = format!("@{}", large.display());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["pair", "--", &offer[..offer.len() / 2]], 7, "link"),
        (&["accept", half_a_link], 7, "link"),
        (&["read", "garage/gate/state"], 3, "has no such thing"),
        (&["read", "garage/door/nothing"], 3, "has no such thing"),
        (&["invoke", "garage/door/explode"], 3, "has no such thing"),
        (&["write", "garage/door/state", "open"], 3, "not write it"),
        (&["read", "kitchen/door/state"], 2, "Yours are"),
        (&["read", "garage/door/../../state"], 2, "state"),
        (&["read", ""], 2, ""),
        (&["invoke", "garage/door/open", "5"], 7, "does not take this value"),
        (&["invoke", "garage/door/open", "{"], 7, "is not JSON"),
        (&["invoke", "garage/door/open", &large], 7, "long"),
        (&["observe", "garage/door/state", "--count", "many"], 2, "many"),
    ];
    for (words, code, expected) in cases {
        let ended = ada.run_all(words).unwrap();
        let told = ended.ends_with(*code).unwrap_or_else(|error| panic!("{words:.100?}: {error}")).stderr;
        assert!(told.contains(expected) && !told.contains("panicked"), "{words:.100?}: {told}");
        assert!(told.len() < 2000, "{words:.100?}: {} bytes", told.len());
    }
    assert_eq!(device.door().movements(), 0);
    ada.run(["invoke", "garage/door/open"]).unwrap().success().unwrap();
    assert_eq!(device.door().movements(), 1);
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    device.stop().unwrap();
}

#[test]
fn a_component_that_is_none_is_named_and_keeps_nothing_else_from_running() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    let whole = fs::read(programs.plugin("gpio-switch")).unwrap();
    let config = fs::read_to_string(device.data().join("config.toml")).unwrap();
    let mut mended = config.clone();
    let kinds: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", b"no component"),
        ("module", b"\0asm\x01\0\0\0"),
        ("truncated", &whole[..whole.len() / 2]),
        ("garbage", &[0xff; 100_000]),
    ];
    for (name, bytes) in kinds {
        let file = folder.path().join(format!("{name}.wasm"));
        fs::write(&file, bytes).unwrap();
        mended += &format!("\n[plugins.{name}]\ncomponent = {file:?}\n");
    }
    fs::write(device.data().join("config.toml"), mended).unwrap();
    device.start().unwrap();
    let check = device.run(["check"]).unwrap().ends_with(1).unwrap().stdout;
    for (name, _) in kinds {
        let line = check.lines().find(|line| line.contains(&format!("plugin {name}"))).unwrap_or_default();
        assert!(line.starts_with("BAD") && line.contains(&format!("{name}.wasm")), "{name}: {check}");
    }
    assert!(check.contains("10 plugin door: running"), "{check}");
    device.stop().unwrap();
}

/// What is wrong, with which file, what that holds, the exit code, and words that the person is told.
type Damage<'a> = (&'a str, &'a str, &'a [u8], i32, &'a [&'a str]);

#[test]
fn files_of_the_device_that_are_damaged_are_named() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    device.stop().unwrap();
    let file = |name: &str| fs::read(device.data().join(name)).unwrap();
    let (config, state, key) = (file("config.toml"), file("state.db"), file("account.key"));
    let mut flipped = state.clone();
    // Every page is hit: the first of each tells what the rest of it is.
    flipped.iter_mut().step_by(512).skip(1).for_each(|byte| *byte ^= 0x55);
    let garbage = vec![0xa5; 20_000];
    let wrong_key = [&config[..], b"\n[journal]\nreeds = true\n"].concat();
    let cases: &[Damage<'_>] = &[
        ("an unknown key", "config.toml", &wrong_key, 7, &["line", "journal.reeds"]),
        ("an open bracket", "config.toml", b"name = \"garage\"\nlisten = [\n", 7, &["line 2", "listen"]),
        ("garbage", "config.toml", &garbage, 7, &["UTF-8"]),
        ("10 MB", "config.toml", &vec![b'#'; 10 << 20], 7, &["bytes"]),
        ("garbage", "state.db", &garbage, 1, &["not a journal"]),
        ("bytes flipped all over", "state.db", &flipped, 1, &["damaged"]),
        ("half of it", "state.db", &state[..state.len() / 2], 1, &["damaged"]),
        ("its first bytes", "state.db", &state[..50], 1, &["not a journal"]),
        ("garbage", "account.key", &garbage[..1000], 7, &["PEM"]),
        ("20 KB of it", "account.key", &garbage, 7, &["too long"]),
        ("half of it", "account.key", &key[..key.len() / 2], 7, &["PEM"]),
    ];
    for (what, name, bytes, code, words) in cases {
        let case = format!("{name}: {what}");
        let path = device.data().join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let told =
            device.run(["run"]).unwrap().ends_with(*code).unwrap_or_else(|e| panic!("{case}: {e}")).stderr;
        assert!(told.contains(name), "{case}: {told}");
        for word in *words {
            assert!(told.contains(word), "{case}: {told}");
        }
        assert!(!told.contains("panicked") && told.len() < 2000, "{case}: {told}");
        let check = device.run(["check"]).unwrap();
        assert_ne!(check.code, Some(0), "{case}: {}", check.stdout);
        restore(&path, &whole);
    }
    // Nothing of that has harmed what was put back.
    device.start().unwrap();
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    device.stop().unwrap();
}

/// Puts a file back, and takes away what SQLite made of the one that stood in its place.
fn restore(path: &Path, whole: &[u8]) {
    fs::write(path, whole).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}
