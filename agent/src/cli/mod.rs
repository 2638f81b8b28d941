//! `streembit-agent`: one file a command.
//!
//! A command returns what it found ([`Found`]) or why not ([`Failure`]); only `output` prints. Commands that need the running
//! agent ask it through the control socket; the others work in the data folder while no agent runs on it.

mod admit;
mod bundle;
mod check;
mod completions;
mod config;
mod contacts;
mod export;
mod import;
mod init;
mod invite;
mod journal;
mod log;
mod logs;
mod offer;
mod output;
mod pair;
mod reset;
mod revoke;
mod run;
mod show;
mod status;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use streembit_keys::files::FileError;
use streembit_peer::exit::{self, Exit};

use crate::control::{Call, Client, Failure};
use crate::identity::{Begun, DEFAULT_DATA, DataFolder, IdentityError};
pub use output::Found;

const EXAMPLES: &str = "\
Examples:
  streembit-agent init                  make this machine a device
  streembit-agent run                   run it (systemd does this: systemctl start streembit-agent)
  streembit-agent pair                  show the link and QR code with which its owner takes it
  streembit-agent check                 see that all is well, or what to do about it
  streembit-agent logs -f               what it says while it runs
";

/// A device that its owner controls from anywhere, and nobody else.
#[derive(Debug, Parser)]
#[command(name = "streembit-agent", version, after_help = EXAMPLES, after_long_help = after_long_help())]
pub struct Cli {
    /// The folder where the device keeps its keys and its journal
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "STREEMBIT_DATA",
        default_value = DEFAULT_DATA
    )]
    data: PathBuf,

    /// The config file; without it, /etc/streembit/agent.toml, or config.toml in a data folder that was named
    #[arg(long, global = true, value_name = "FILE", env = "STREEMBIT_CONFIG")]
    config: Option<PathBuf>,

    /// Print JSON for scripts instead of text
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

fn after_long_help() -> String {
    format!("{EXAMPLES}\n{}", exit::HELP)
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new device in the data folder
    Init(init::Args),
    /// Run the device until SIGTERM or Ctrl-C
    Run(run::Args),
    /// Open a pairing, and show its link and QR code
    Pair(pair::Args),
    /// Print the device's contact offer, for a mail
    #[command(after_help = offer::EXAMPLES)]
    Offer,
    /// List contacts and open invitations
    Contacts,
    /// Make an invitation link for somebody, or let them in by their offer
    Invite(invite::Args),
    /// End a contact's rights now, or take an invitation back
    Revoke(revoke::Args),
    /// Show what happened on the device
    Log(log::Args),
    /// Check the journal
    #[command(subcommand)]
    Journal(journal::Command),
    /// Show how the running device is
    Status,
    /// Look at everything, and say what to do about what is not well
    Check(check::Args),
    /// Show the log of the service
    Logs(logs::Args),
    /// Write down how the device is, for whoever helps: without keys, secrets and names
    SupportBundle(bundle::Args),
    /// Check, show and change the config file
    #[command(subcommand)]
    Config(config::Command),
    /// Write all that makes this device into one file under a passcode
    Export(export::Args),
    /// Make this machine the device of such a file
    Import(import::Args),
    /// Wipe the device and make it a new one
    FactoryReset(reset::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}

/// What every command gets.
#[derive(Debug)]
struct Context {
    data: DataFolder,
}

impl Context {
    /// Asks the running agent and reads its answer.
    fn ask<T: serde::de::DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        let answer = Client::connect(&self.data)?.ask(call)?;
        serde_json::from_value(answer).map_err(|error| {
            Failure::failed(format!("the agent's answer is not understood: {error}"))
                .or("The program may be older or newer than the running agent: restart the agent.")
        })
    }
}

/// Runs the program with the arguments of the process.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version come as errors too, and go to standard output.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let json = cli.json;
    match execute(cli) {
        Ok(found) => output::found(&found, json),
        Err(failure) => output::failure(&failure, json),
    }
}

fn execute(cli: Cli) -> Result<Found, Failure> {
    let json = cli.json;
    let data = DataFolder::new(cli.data);
    let data = match cli.config {
        Some(file) => data.with_config(file),
        None => data,
    };
    let context = Context { data };
    match cli.command {
        Command::Init(args) => init::execute(&context, &args),
        Command::Run(args) => run::execute(&context, &args),
        Command::Pair(args) => pair::execute(&context, &args),
        Command::Offer => offer::execute(&context),
        Command::Contacts => contacts::execute(&context),
        Command::Invite(args) => invite::execute(&context, args),
        Command::Revoke(args) => revoke::execute(&context, args),
        Command::Log(args) => log::execute(&context, &args),
        Command::Journal(command) => journal::execute(&context, command),
        Command::Status => status::execute(&context),
        Command::Check(args) => check::execute(&context, &args),
        Command::Logs(args) => logs::execute(&context, &args, json),
        Command::SupportBundle(args) => bundle::execute(&context, &args),
        Command::Config(command) => config::execute(&context, command),
        Command::Export(args) => export::execute(&context, &args),
        Command::Import(args) => import::execute(&context, &args),
        Command::FactoryReset(args) => reset::execute(&context, &args),
        Command::Completions(args) => Ok(completions::execute(&args)),
    }
}

/// What the command line says where a data folder cannot be used.
impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let message = error.to_string();
        match error {
            IdentityError::NotInitialised(path) => Self::failed(message).or(format!(
                "Make one with `streembit-agent --data {} init`, or name another folder with --data.",
                path.display()
            )),
            IdentityError::Exists(_) => Self::refused(message)
                .or("To make it a new one, with everything on it gone: `streembit-agent factory-reset`."),
            IdentityError::Taken(_) => Self::refused(message).or(
                "Name another folder with --data, or make this a new device first, with all that is on it gone: \
                 `streembit-agent factory-reset`.",
            ),
            IdentityError::InUse(_) => {
                Self::refused(message).or("Stop it first: `systemctl stop streembit-agent`.")
            }
            IdentityError::Key { .. } | IdentityError::Factory { .. } => Self::invalid(message),
            IdentityError::Unclear { .. } => Self::failed(message).or(
                "Nothing was changed. Where its journal is damaged, nothing says which times were trusted: add `--forget-time` to \
                 `factory-reset`, which makes this a new device with all that is on it gone.",
            ),
            IdentityError::OtherKey { folder, .. } => Self::invalid(message).or(format!(
                "After a factory reset, hand the new key over in its place: `LoadCredential=account.key:{}`.",
                DataFolder::new(folder).account_key().display()
            )),
            IdentityError::KeyOfRootInside(_) => {
                Self::invalid(message).or("Leave `--credential` out, or leave the folder at its default.")
            }
            IdentityError::Interrupted(Begun::Reset) => {
                Self::failed(message).or("`sudo streembit-agent factory-reset` goes on with it.")
            }
            IdentityError::Interrupted(Begun::Import) => Self::failed(message).or(
                "Begin it again, `sudo streembit-agent import FILE`, or make a new device: `sudo streembit-agent \
                 factory-reset`.",
            ),
            IdentityError::NeedsRoot(_) => Self::refused(message).or("Run this with `sudo`."),
            IdentityError::File(FileError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Self::refused(message).or("Run this with `sudo`.")
            }
            IdentityError::File(
                FileError::TooLong { .. } | FileError::NotAFile { .. } | FileError::Exposed { .. },
            ) => Self::invalid(message),
            IdentityError::File(_) => Self::failed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
