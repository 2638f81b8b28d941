//! A person with a home folder of their own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{Finished, Programs, Running};

/// Fulfils the whitepaper's rule for passcodes; what it protects lives as long as the temporary folder.
const PASSCODE: &str = "Correct-horse-7";

/// Somebody who uses `streembit`. Their background process ends with this value.
pub struct Person {
    program: PathBuf,
    home: PathBuf,
    /// The process that keeps the account unlocked.
    background: Option<u32>,
}

impl Person {
    /// A person with a fresh key in `folder/name`, unlocked.
    pub fn new(programs: &Programs, folder: &Path, name: &str) -> Result<Self> {
        let home = folder.join(name);
        let passcode = folder.join(format!("{name}.passcode"));
        std::fs::write(&passcode, PASSCODE).with_context(|| passcode.display().to_string())?;
        // What others can read is no secret, and the program refuses it.
        std::fs::set_permissions(&passcode, Permissions::from_mode(0o600))
            .with_context(|| passcode.display().to_string())?;
        let mut person = Self { program: programs.program("streembit"), home, background: None };
        let passcode = passcode.to_string_lossy().into_owned();
        person.run(["init", "--passcode-file", &passcode])?.success()?;
        let unlock = ["--json", "unlock", "--for", "8h", "--passcode-file", &passcode];
        let unlocked = person.run(unlock)?.success()?.json()?;
        person.background = unlocked["pid"].as_u64().and_then(|pid| pid.try_into().ok());
        Ok(person)
    }

    /// Their home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The process in the background that keeps their account unlocked.
    pub fn background(&self) -> Result<u32> {
        self.background.context("the account is locked")
    }

    /// Runs a command of theirs to its end.
    pub fn run<const N: usize>(&self, words: [&str; N]) -> Result<Finished> {
        self.run_all(&words)
    }

    /// The same, for words out of a table.
    pub fn run_all(&self, words: &[&str]) -> Result<Finished> {
        Finished::run(self.command().args(words))
    }

    /// Starts a command of theirs that runs on; its lines are those of both outputs.
    pub fn start<const N: usize>(&self, words: [&str; N]) -> Result<Running> {
        Running::start_as_seen(self.command().args(words))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--home").arg(&self.home).env("NO_COLOR", "1").env_remove("XDG_RUNTIME_DIR");
        command
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        if self.background.is_some() {
            // Ends the background process; nobody is left to be told where that fails.
            let _ = self.run(["lock"]);
        }
    }
}
