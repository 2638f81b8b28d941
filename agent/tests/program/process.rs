//! `streembit-agent` in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::person::SETTINGS;

pub struct Machine {
    folder: tempfile::TempDir,
}

pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}{}", self.out, self.err))
    }
}

/// The program on a data folder, with nothing from outside.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streembit-agent"));
    command.arg("--data").arg(data).args(arguments).stdin(Stdio::null());
    for name in
        ["STREEMBIT_DATA", "STREEMBIT_CONFIG", "STREEMBIT_LOG", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"]
    {
        command.env_remove(name);
    }
    command
}

/// Runs the program on a data folder to its end.
pub fn run(data: &Path, arguments: &[&str]) -> Ended {
    let output = command(data, arguments).output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Machine {
    /// A machine without a device.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A machine with a device that listens on loopback only.
    pub fn with_device() -> Self {
        let machine = Self::new();
        let made = machine.run(&["init"]);
        assert_eq!(made.code, 0, "{}", made.err);
        std::fs::write(machine.data().join("config.toml"), SETTINGS).unwrap();
        machine
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("device")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        command(&self.data(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(&self.data(), arguments)
    }

    /// Starts the agent and waits until it says that it is ready.
    pub fn start(&self) -> Running {
        self.start_with(|command| command)
    }

    /// The same with something changed in how it is started.
    pub fn start_with(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Running {
        // Its standard output is a pipe of ours, and descriptor 1 there.
        let mut child = change(&mut self.command(&["run", "--ready-fd", "1"]))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running { child, _out: out }
    }
}

/// A running agent; killed when the test ends before it does.
pub struct Running {
    child: Child,
    _out: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub fn end(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the agent does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
