//! The commands as somebody types them: what they print, and how they end.

use rustix::process::Signal;
use serde_json::Value;

use super::process::Machine;

#[test]
fn a_device_is_made_run_looked_at_and_stopped() {
    let machine = Machine::with_device();
    let agent = machine.start();

    let status = machine.run(&["--json", "status"]);
    assert_eq!(status.code, 0, "{}", status.err);
    let status = status.json();
    assert_eq!(status["claimed"], false);
    assert!(status["addresses"][0].as_str().unwrap().starts_with("/ip4/127.0.0.1/"));

    let pair = machine.run(&["pair"]);
    assert_eq!(pair.code, 0, "{}", pair.err);
    assert!(pair.out.contains("streembit pair streembit:pair/"), "{}", pair.out);
    assert!(pair.out.contains('▄'), "there is a QR code");
    assert!(pair.out.lines().all(|line| line.chars().count() <= 300));

    let check = machine.run(&["check"]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    assert!(check.out.contains("owner: nobody has taken this device yet"), "{}", check.out);

    for command in [&["contacts"][..], &["offer"], &["log"], &["journal", "verify"], &["config", "check"]] {
        let ended = machine.run(command);
        assert_eq!(ended.code, 0, "{command:?}: {}", ended.err);
        assert!(!ended.out.is_empty(), "{command:?}");
    }

    agent.signal(Signal::TERM);
    assert!(agent.end().success());
    assert!(!machine.data().join("control.sock").exists());
    // The journal can be checked without an agent, too.
    assert_eq!(machine.run(&["journal", "verify"]).code, 0);
}

#[test]
fn check_names_each_point_by_its_number_with_an_agent_and_without() {
    let machine = Machine::with_device();
    let looked_at = |ended: &super::process::Ended| -> Vec<(u64, String)> {
        let point =
            |point: &Value| (point["code"].as_u64().unwrap(), point["level"].as_str().unwrap().to_owned());
        ended.json().as_array().unwrap().iter().map(point).collect()
    };
    let codes = |points: &[(u64, String)]| {
        points.iter().map(|(code, _)| *code).collect::<std::collections::BTreeSet<u64>>()
    };

    let without = machine.run(&["--json", "check"]);
    assert_eq!(without.code, 1);
    let points = looked_at(&without);
    assert_eq!(codes(&points), [1, 2, 3, 7, 9].into());
    let bad: Vec<u64> = points.iter().filter(|(_, level)| level == "bad").map(|(code, _)| *code).collect();
    assert_eq!(bad, [3], "nothing but the agent is missing: {}", without.out);

    let agent = machine.start();
    let with = machine.run(&["--json", "check"]);
    assert_eq!(with.code, 0, "{}{}", with.out, with.err);
    assert_eq!(codes(&looked_at(&with)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 13].into());
    let exposed = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(machine.data().join("lan.key"), exposed).unwrap();
    let exposed = machine.run(&["check"]);
    assert_eq!(exposed.code, 1);
    assert!(
        exposed.out.contains("BAD      01 identity: ") && exposed.out.contains("chmod 600"),
        "{}",
        exposed.out
    );
    drop(agent);

    let list = machine.run(&["check", "--list"]);
    assert_eq!(list.code, 0);
    assert!(list.out.lines().any(|line| line.starts_with("07 storage ")), "{}", list.out);
}

#[test]
fn every_ending_has_its_code_and_its_remedy() {
    let machine = Machine::new();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["status"], 4, "init"),
        (&["run"], 1, "init"),
        (&["journal", "verify"], 1, "init"),
        (&["nonsense"], 2, "--help"),
        (&["invite", "--allow", "door/open"], 2, "--name"),
        (&["pair", "--role", "king"], 2, "operator"),
        (&["journal", "verify", "--against", "x"], 2, "NUMBER:HASH"),
    ];
    for (command, code, word) in cases {
        let ended = machine.run(command);
        assert_eq!(ended.code, code, "{command:?}: {}", ended.err);
        assert!(ended.err.contains(word), "{command:?}: {}", ended.err);
        assert_eq!(ended.out, "", "{command:?}");
    }
    assert!(!machine.data().exists(), "looking makes nothing");

    // Scripts read one document whatever happened.
    let ended = machine.run(&["--json", "status"]);
    assert_eq!(ended.code, 4);
    assert_eq!(ended.json()["error"]["exit"], "unreachable");

    assert_eq!(machine.run(&["init"]).code, 0);
    let again = machine.run(&["init"]);
    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("factory-reset"), "{}", again.err);
    let stopped = machine.run(&["status"]);
    assert_eq!(stopped.code, 4);
    assert!(stopped.err.contains(" run"), "{}", stopped.err);
}

#[test]
fn only_one_agent_runs_on_a_folder() {
    let machine = Machine::with_device();
    let _agent = machine.start();
    let second = machine.run(&["run"]);
    assert_eq!(second.code, 3, "{}", second.err);
    assert_eq!(machine.run(&["status"]).code, 0, "the first one is not disturbed");
    let reset = machine.run(&["factory-reset", "--yes"]);
    assert_eq!(reset.code, 3, "{}", reset.err);
}

#[test]
fn an_agent_that_was_killed_starts_again() {
    let machine = Machine::with_device();
    let agent = machine.start();
    agent.signal(Signal::KILL);
    agent.end();
    assert!(machine.data().join("control.sock").exists(), "the socket is left behind");
    let stopped = machine.run(&["status"]);
    assert_eq!(stopped.code, 4, "{}", stopped.err);
    let _agent = machine.start();
    assert_eq!(machine.run(&["status"]).code, 0);
}

#[test]
fn a_mistake_in_the_config_is_named_by_line_and_key() {
    let machine = Machine::with_device();
    let config = machine.data().join("config.toml");
    std::fs::write(&config, "name = \"Garage\"\n\n[network]\nmdsn = false\n").unwrap();
    for command in [&["config", "check"][..], &["run"]] {
        let ended = machine.run(command);
        assert_eq!(ended.code, 7, "{command:?}: {}", ended.err);
        assert!(ended.err.contains("line 4"), "{command:?}: {}", ended.err);
        assert!(ended.err.contains("network.mdsn"), "{command:?}: {}", ended.err);
    }
    let other = machine.path().join("other.toml");
    std::fs::write(&other, "name = \"Garage\"\n").unwrap();
    assert_eq!(machine.run(&["config", "check", other.to_str().unwrap()]).code, 0);
    assert_eq!(machine.run(&["config", "check", "/no/such/file"]).code, 7);
    assert_eq!(machine.run(&["check"]).code, 1);
}

#[test]
fn a_reset_makes_another_device_and_asks_first() {
    let machine = Machine::with_device();
    let before = std::fs::read(machine.data().join("account.key")).unwrap();
    let unasked = machine.run(&["factory-reset"]);
    assert_eq!(unasked.code, 2, "{}", unasked.err);
    assert_eq!(std::fs::read(machine.data().join("account.key")).unwrap(), before);
    assert_eq!(machine.run(&["factory-reset", "--yes"]).code, 0);
    assert_ne!(std::fs::read(machine.data().join("account.key")).unwrap(), before);
}

#[test]
fn a_journal_that_somebody_changed_is_found_out_without_an_agent() {
    let machine = Machine::with_device();
    let agent = machine.start();
    let head = machine.run(&["--json", "journal", "verify"]).json()["head"].as_str().unwrap().to_owned();
    agent.signal(Signal::TERM);
    agent.end();
    assert_eq!(machine.run(&["journal", "verify", "--against", &head]).code, 0);

    let state = machine.data().join("state.db");
    for left in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(machine.data().join(left));
    }
    // Another database, as sound in itself as the old one, begins anew.
    let agent = machine.start();
    agent.signal(Signal::TERM);
    agent.end();
    assert!(state.exists());
    let mut newer = head.clone();
    newer.replace_range(0..head.find(':').unwrap(), "9");
    let found = machine.run(&["journal", "verify", "--against", &newer]);
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("does NOT hold"), "{}", found.out);
}

#[test]
fn hanging_up_reads_the_config_again() {
    let machine = Machine::with_device();
    let agent = machine.start();
    agent.signal(Signal::HUP);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let status: Value = machine.run(&["--json", "status"]).json();
    assert_eq!(status["config"]["problem"], Value::Null);
    agent.signal(Signal::INT);
    assert!(agent.end().success());
}

#[test]
fn completions_name_the_commands() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = machine.run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.out.contains("factory-reset"), "{shell}");
    }
}

#[test]
fn help_has_examples_and_the_codes() {
    let machine = Machine::new();
    let help = machine.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Exit codes:") && help.out.contains("Examples:"), "{}", help.out);
    for command in ["init", "pair", "invite", "revoke", "log", "factory-reset", "completions"] {
        let help = machine.run(&[command, "--help"]);
        assert!(
            help.out.contains("xample") || help.out.contains("Stop the agent first"),
            "{command}: {}",
            help.out
        );
    }
}

#[test]
fn settings_are_shown_and_changed_and_a_wrong_one_is_not() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["init"]).code, 0);
    let get = |key: &str| machine.run(&["config", "get", key]);
    assert_eq!(get("network.mdns").out.trim(), "true");
    assert_eq!(get("name").code, 1, "it is not set");

    let set = machine.run(&["config", "set", "name", "Garage"]);
    assert_eq!(set.code, 0, "{}", set.err);
    assert!(set.out.contains("at the next start"), "{}", set.out);
    assert_eq!(get("name").out.trim(), "Garage");
    let shown = machine.run(&["config", "show"]);
    assert!(shown.out.contains("max-entries = 2000000"), "with the defaults: {}", shown.out);

    let file = std::fs::read_to_string(machine.data().join("config.toml")).unwrap();
    assert!(file.contains("# What people call this device."), "the comments stay");
    for (command, code, word) in [
        (["config", "set", "network.mdns", "maybe"], 7, "boolean"),
        (["config", "set", "netwrok.mdns", "true"], 7, "netwrok"),
        (["config", "set", "a b", "true"], 2, "a key looks like"),
    ] {
        let ended = machine.run(&command);
        assert_eq!(ended.code, code, "{command:?}: {}", ended.err);
        assert!(ended.err.contains(word), "{command:?}: {}", ended.err);
    }
    assert_eq!(std::fs::read_to_string(machine.data().join("config.toml")).unwrap(), file);
    assert_eq!(machine.run(&["config", "unset", "name"]).code, 0);
    assert_eq!(get("name").code, 1);
    let schema = machine.run(&["config", "schema", "--json"]);
    assert!(schema.out.contains("draft-07"), "{}", schema.err);
}
