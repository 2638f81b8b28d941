//! The program itself: what it prints, how it ends, and what `streembit unlock` leaves behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests, too")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PASSCODE: &str = "Corr3ct horse!";

/// A home in a temporary folder, and the process that it may have left behind.
struct Person {
    folder: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        let person = Self { folder: tempfile::tempdir().unwrap() };
        person.passcode_file("passcode", PASSCODE);
        person
    }

    fn with_account() -> Self {
        let person = Self::new();
        let made = person.run(&["init", "--name", "Ada", "--passcode-file", &person.path("passcode")]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        person
    }

    fn passcode_file(&self, name: &str, passcode: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, passcode).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streembit"));
        command.arg("--home").arg(self.home()).args(arguments).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env_remove("STREEMBIT_HOME").env("TZ", "UTC");
        command
    }

    /// Without a terminal, as a script runs it: a session of its own has none.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn unlock(&self, span: &str) -> Output {
        self.run(&["unlock", "--for", span, "--passcode-file", &self.path("passcode")])
    }

    fn socket(&self) -> PathBuf {
        self.home().join("unlock.sock")
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.run(&["lock"]);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_running(pid: u64) -> bool {
    // A process that has ended and was not waited for is a zombie, which runs no more.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

#[test]
fn without_an_account_every_command_says_how_to_make_one() {
    let person = Person::new();
    for command in [&["ls"][..], &["contacts"], &["read", "state"], &["offer"], &["unlock"]] {
        let output = person.run(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("error: There is no account in "), "{said}");
        assert!(said.contains("streembit init"), "{said}");
        assert!(!said.contains('\u{1b}'), "colours are for terminals: {said:?}");
    }
    assert!(!person.home().exists());
}

#[test]
fn usage_is_two_and_json_failures_are_one_document() {
    let person = Person::with_account();
    assert_eq!(person.run(&["dance"]).status.code(), Some(2));
    assert_eq!(person.run(&["read", "a/b/c/d"]).status.code(), Some(2));
    assert_eq!(person.run(&["read", "state"]).status.code(), Some(2), "no device yet");

    let output = person.run(&["--json", "read", "state"]);
    assert_eq!(output.status.code(), Some(2));
    let failure = json(&output);
    assert_eq!(failure["error"]["exit"], "usage");
    assert_eq!(failure["error"]["message"], "You have no device yet.");
    assert!(failure["error"]["remedy"].as_str().unwrap().contains("streembit pair LINK"));
}

#[test]
fn a_link_that_is_none_is_invalid_input() {
    let person = Person::with_account();
    let passcode = person.path("passcode");
    let output = person.run(&["pair", "https://example.org", "--passcode-file", &passcode]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
}

#[test]
fn a_locked_account_without_a_terminal_says_what_to_do() {
    let person = Person::with_account();
    // A session of its own has no terminal to ask on, whatever this test was started from.
    let output = Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_streembit"))
        .arg("--home")
        .arg(person.home())
        .arg("offer")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("streembit unlock"), "{}", text(&output.stderr));
}

#[test]
fn the_passcode_is_never_an_argument() {
    let person = Person::new();
    for attempt in [&["init", "--passcode", PASSCODE][..], &["unlock", "--passcode", PASSCODE]] {
        assert_eq!(person.run(attempt).status.code(), Some(2));
    }
}

#[test]
fn a_weak_passcode_makes_no_account() {
    let person = Person::new();
    person.passcode_file("weak", "password");
    let output = person.run(&["init", "--passcode-file", &person.path("weak")]);
    assert_eq!(output.status.code(), Some(7));
    assert!(!person.home().join("account.pem").exists());
}

#[test]
fn an_init_that_is_killed_at_any_time_can_be_done_again() {
    let person = Person::new();
    let passcode = person.path("passcode");
    for delay in [0, 2, 5, 10, 20, 40, 80, 160] {
        let mut init = person.command(&["init", "--passcode-file", &passcode]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        init.kill().unwrap();
        init.wait().unwrap();
    }
    let last = person.run(&["init", "--passcode-file", &passcode]);
    // Either a killed one had come to its end, or this one did: there is an account that opens, and no half of one.
    assert!(matches!(last.status.code(), Some(0 | 1)), "{}", text(&last.stderr));
    let unlocked = person.unlock("1m");
    assert_eq!(unlocked.status.code(), Some(0), "{}", text(&unlocked.stderr));
}

#[test]
fn unlock_leaves_a_process_that_lock_ends() {
    let person = Person::with_account();
    let output = person.run(&["--json", "unlock", "--passcode-file", &person.path("passcode")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let pid = json(&output)["pid"].as_u64().unwrap();
    assert!(is_running(pid));
    assert_eq!(person.socket().symlink_metadata().unwrap().permissions().mode() & 0o777, 0o600);

    // Its own session, no core dump, and not to be looked into.
    let status = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let cores = status.lines().find(|line| line.starts_with("Max core file size"));
    assert!(cores.is_none_or(|line| line.split_whitespace().nth(4) == Some("0")), "{cores:?}");
    let command_line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!command_line.contains(PASSCODE));

    assert_eq!(person.run(&["lock"]).status.code(), Some(0));
    wait_until("the process has ended", || !is_running(pid));
    assert!(!person.socket().exists());
    assert_eq!(text(&person.run(&["lock"]).stdout), "It is locked.\n");
}

#[test]
fn unlock_ends_by_itself() {
    let person = Person::with_account();
    assert_eq!(person.unlock("2s").status.code(), Some(0));
    assert!(person.socket().exists());
    wait_until("the socket is gone", || !person.socket().exists());
}

#[test]
fn unlocking_again_replaces_the_process() {
    let person = Person::with_account();
    let unlock = || {
        let output = person.run(&["--json", "unlock", "--passcode-file", &person.path("passcode")]);
        json(&output)["pid"].as_u64().unwrap()
    };
    let (first, second) = (unlock(), unlock());
    assert_ne!(first, second);
    wait_until("the first has ended", || !is_running(first));
    assert!(is_running(second));
}

#[test]
fn the_process_ends_with_its_home() {
    let person = Person::with_account();
    let output = person.run(&["--json", "unlock", "--passcode-file", &person.path("passcode")]);
    let pid = json(&output)["pid"].as_u64().unwrap();
    std::fs::remove_dir_all(person.home()).unwrap();
    wait_until("the process has ended", || !is_running(pid));
}

#[test]
fn a_killed_process_is_no_obstacle() {
    let person = Person::with_account();
    let output = person.run(&["--json", "unlock", "--passcode-file", &person.path("passcode")]);
    let pid = json(&output)["pid"].as_u64().unwrap();
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    wait_until("the process has ended", || !is_running(pid));
    assert!(person.socket().exists(), "it had no time to clean up");
    assert_eq!(person.run(&["lock"]).status.code(), Some(0));
    assert_eq!(person.unlock("1m").status.code(), Some(0));
}

#[test]
fn a_wrong_passcode_unlocks_nothing_and_waits_longer_each_time() {
    let person = Person::with_account();
    person.passcode_file("wrong", "Wr0ng horse!");
    let wrong = person.path("wrong");
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(person.run(&["unlock", "--passcode-file", &wrong]).status.code());
    }
    assert_eq!(codes, [Some(7), Some(7), Some(7), Some(3)], "the fourth comes too soon");
    assert!(!person.socket().exists());
    let right = person.unlock("1m");
    assert_eq!(right.status.code(), Some(3), "{}", text(&right.stderr));
}

#[test]
fn a_home_with_a_long_name_can_be_unlocked() {
    let mut person = Person::new();
    let long = person.folder.path().join("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let folder = std::mem::replace(&mut person.folder, tempfile::tempdir_in(&long).unwrap());
    person.passcode_file("passcode", PASSCODE);
    let passcode = person.path("passcode");
    assert_eq!(person.run(&["init", "--passcode-file", &passcode]).status.code(), Some(0));
    let output = person.unlock("1m");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&person.run(&["lock"]).stdout), "Locked.\n");
    drop(person);
    drop(folder);
}

#[test]
fn nonsense_on_the_socket_does_no_harm() {
    let person = Person::with_account();
    assert_eq!(person.unlock("1m").status.code(), Some(0));
    for nonsense in [&b"\n"[..], b"{}\n", b"\xff\xfe\n", b"{\"ask\":\"call\"}\n"] {
        let mut stream = std::os::unix::net::UnixStream::connect(person.socket()).unwrap();
        let _ = stream.write_all(nonsense);
    }
    let mut flood = std::os::unix::net::UnixStream::connect(person.socket()).unwrap();
    let _ = flood.write_all(&vec![b'x'; 2 << 20]);
    assert_eq!(text(&person.run(&["lock"]).stdout), "Locked.\n");
}

#[test]
fn completions_know_the_commands() {
    let person = Person::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&person.run(&["completions", shell]).stdout);
        assert!(script.contains("invoke") && script.contains("passcode-file"), "{shell}");
        assert!(!script.contains("unlock-process"), "{shell} offers what is hidden");
    }
}

#[test]
fn help_shows_examples_for_every_command_and_the_exit_codes() {
    let person = Person::new();
    let help = text(&person.run(&["--help"]).stdout);
    assert!(help.contains("6  outcome unknown"), "{help}");
    let commands = [
        "init",
        "unlock",
        "lock",
        "pair",
        "accept",
        "offer",
        "contacts",
        "ls",
        "td",
        "read",
        "write",
        "invoke",
        "observe",
        "subscribe",
        "invite",
        "revoke",
        "log",
        "completions",
    ];
    for command in commands {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in {help}");
        let help = text(&person.run(&[command, "--help"]).stdout);
        assert!(help.contains("Example") && help.contains(&format!("streembit {command}")), "{help}");
    }
    assert!(text(&person.run(&["device", "status", "--help"]).stdout).contains("streembit device status"));
}

#[test]
fn an_offer_is_signed_by_the_account_and_names_it() {
    let person = Person::with_account();
    assert_eq!(person.unlock("1m").status.code(), Some(0));
    let offer = text(&person.run(&["offer"]).stdout);
    let offer = streembit_peer::offer::Offer::parse(&offer).unwrap();
    assert_eq!(&*offer.account, "Ada");
    let identity = std::fs::read(person.home().join("identity.json")).unwrap();
    let identity: Value = serde_json::from_slice(&identity).unwrap();
    assert_eq!(serde_json::to_value(&offer.public_key).unwrap(), identity["public_key"]);
}
