//! `streembit-agent logs`

use std::path::Path;
use std::process::Command;

use streembit_peer::exit::Exit;

use super::{Context, Found};
use crate::control::Failure;
use crate::identity::DEFAULT_DATA;

/// The service of an installed device.
pub(super) const UNIT: &str = "streembit-agent.service";

/// Lines that are shown where nobody says how many.
const LINES: u32 = 200;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent logs                        the last 200 lines
  streembit-agent logs -f                     and what comes, until Ctrl-C
  streembit-agent logs --since '1 hour ago'
  streembit-agent logs --since 2026-11-23 --json

It shows what systemd's journal has of the service. `journalctl` finds lines by their fields, too:
  journalctl -u streembit-agent STREEMBIT_PLUGIN=door
  journalctl -u streembit-agent TARGET=streembit_agent::security    who was refused")]
pub(super) struct Args {
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,

    /// From when on, as journalctl takes it: a date and time, or '1 hour ago'
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// How many lines at most, the newest
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<u32>,
}

/// Leaves the terminal to `journalctl`, which pages, colours and follows.
pub(super) fn execute(context: &Context, args: &Args, as_json: bool) -> Result<Found, Failure> {
    is_a_service(context)?;
    let mut command = journalctl();
    if args.follow {
        command.arg("--follow");
    }
    match (&args.since, args.lines) {
        (Some(since), lines) => {
            command.arg(format!("--since={since}"));
            if let Some(lines) = lines {
                command.arg(format!("--lines={lines}"));
            }
        }
        (None, lines) => {
            command.arg(format!("--lines={}", lines.unwrap_or(LINES)));
        }
    }
    if as_json {
        command.arg("--output=json");
    }
    let ended = command.status().map_err(|error| no_journal(&error.to_string()))?;
    let exit = if ended.success() { Exit::Ok } else { Exit::Failure };
    // What there is to print, the other program has printed.
    Ok(Found::said().with_exit(exit))
}

/// `journalctl` for the service.
pub(super) fn journalctl() -> Command {
    let mut command = Command::new("journalctl");
    command.arg(format!("--unit={UNIT}"));
    command
}

/// Only the device of the service has its log in the journal.
pub(super) fn is_a_service(context: &Context) -> Result<(), Failure> {
    // What `sd_booted(3)` looks at.
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(no_journal("systemd does not run here"));
    }
    if context.data.path() != Path::new(DEFAULT_DATA) {
        let folder = context.data.path().display();
        return Err(no_journal(&format!("the service's device is in {DEFAULT_DATA}, not in {folder}")));
    }
    Ok(())
}

fn no_journal(why: &str) -> Failure {
    Failure::failed(format!("there is no log of this device in a journal: {why}")).or(
        "The agent writes its log to standard error: look where whoever started `streembit-agent run` sends that, such as \
         `2>agent.log`.",
    )
}
