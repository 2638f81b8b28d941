//! `streembit-agent export`

use std::path::PathBuf;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use serde_json::json;
use streembit_keys::files::{FileError, write_new};
use streembit_peer::exit::Exit;
use streembit_peer::passcode::{NoPasscode, Source};

use super::journal::credentials;
use super::{Context, Found};
use crate::backup::{Backup, BackupError};
use crate::clock::Clock;
use crate::control::Failure;
use crate::identity::{Identity, read_config};
use crate::journal;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo streembit-agent export garage.backup
  sudo streembit-agent export garage.backup --passcode-file backup.passcode

In it are the device's keys, its contacts and their rights, its settings, and which requests it has seen: all that another
machine needs to be this device. It works beside a running agent. Not in it: the journal (`streembit-agent log --json` prints
it) and what plugins store.

Whoever has the file and its passcode can be this device. Its passcode is one that you choose now.")]
pub(super) struct Args {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    passcode: PasscodeArgs,
}

/// Where the passcode of a backup comes from.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PasscodeArgs {
    /// Read the passcode from the first line of a file that only you can read
    #[arg(long, value_name = "FILE", conflicts_with = "passcode_fd")]
    passcode_file: Option<PathBuf>,

    /// Read the passcode from the first line of this descriptor, a pipe for example
    #[arg(long, value_name = "N")]
    passcode_fd: Option<u32>,
}

impl PasscodeArgs {
    pub(super) fn source(&self) -> Source {
        Source::of_options(self.passcode_file.clone(), self.passcode_fd)
    }
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    keep_secrets()?;
    let data = &context.data;
    // Said before anybody chooses a passcode; what counts is how it is written.
    if args.file.symlink_metadata().is_ok() {
        return Err(is_there(&args.file));
    }
    let identity = Identity::load(data, credentials().as_deref())?;
    let config = read_config(data, data.config()).map_err(Failure::failed)?;
    let config = String::from_utf8(config)
        .map_err(|_| Failure::invalid(format!("{} is not text", data.config().display())))?;
    let journal = journal::extract(&data.state(), identity.account.public()).map_err(|error| {
        Failure::failed(error)
            .or("Where the device was never started, start it once; else see `streembit-agent check`.")
    })?;
    let device = identity.account.public().thumbprint();
    let backup = Backup { identity, made: Clock::system().unvouched_unix(), config, journal };
    // Asked last: nobody should choose a passcode for nothing.
    let passcode = args.passcode.source().choose(super::output::say)?;
    let file = backup.seal(&passcode)?;
    write_new(&args.file, &file, 0o600).map_err(|error| match error {
        FileError::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            is_there(&args.file)
        }
        error => Failure::failed(error).or("Name another file, in a folder that you can write to."),
    })?;
    let text = format!(
        "{} is written: all that makes {device}.\nKeep it and its passcode apart, and away from this machine. \
         `streembit-agent import` makes a device of it.",
        args.file.display()
    );
    Ok(Found::new(&json!({ "file": args.file, "device": device }), text))
}

fn is_there(file: &std::path::Path) -> Failure {
    Failure::refused(format!("{} is there already", file.display()))
        .or("Name another file: a backup is never overwritten.")
}

/// No core dump and no debugger for a process that has keys and a passcode: the service has the same from systemd.
pub(super) fn keep_secrets() -> Result<(), Failure> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|errno| Failure::failed(format!("cannot protect this process: {errno}")))
}

impl From<NoPasscode> for Failure {
    fn from(error: NoPasscode) -> Self {
        match error {
            NoPasscode::NoTerminal => {
                Self::failed(error).or("Give `--passcode-file FILE` or `--passcode-fd N`.")
            }
            NoPasscode::NotGiven => Self::failed(error),
            _ => Self::invalid(error),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = if error == BackupError::TooLong { Exit::Failure } else { Exit::InvalidInput };
        let failure = Self::new(exit, error.to_string());
        match error {
            BackupError::TooLong => failure
                .or("A factory reset begins anew, and its owner pairs again. The device warns of this in time: `check`."),
            _ => failure,
        }
    }
}
