//! `streembit unlock`

use std::time::Duration;

use serde::Serialize;
use streembit_peer::words;

use super::moment;
use crate::desk::Desk;
use crate::door;
use crate::error::Outcome;
use crate::output::{Render, Style};
use crate::{clock, unlock};

/// The arguments of `streembit unlock`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit unlock
  streembit unlock --for 30m
  pass streembit | streembit unlock --passcode-fd 0

A process in the background keeps the key and the open connections. It ends by itself, or with `streembit lock`.")]
pub struct Args {
    /// For how long [default: 8h]
    #[arg(long = "for", value_name = "TIME", value_parser = words::duration, default_value = "8h", hide_default_value = true)]
    pub span: Duration,
}

impl Default for Args {
    fn default() -> Self {
        Self { span: unlock::DEFAULT_SPAN }
    }
}

/// The arguments of the process in the background.
#[derive(Debug, Clone, clap::Args)]
pub struct ProcessArgs {
    /// For how long.
    #[arg(long = "for", value_parser = words::duration)]
    pub span: Duration,
}

/// An unlocked account.
#[derive(Debug, Clone, Serialize)]
pub struct Unlocked {
    /// The process in the background.
    pub pid: u32,
    /// When it ends, in seconds since 1970.
    pub until: i64,
}

/// Starts the process. It always takes the passcode: an unlocked account does not stay so by itself.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Unlocked> {
    desk.home().identity()?;
    let key = door::unlock_key(desk.home(), desk.source()).await?;
    let until = clock::Deadline::after(args.span).wall().as_second();
    let pid = unlock::start(desk.home(), &key, args.span).await?;
    Ok(Unlocked { pid, until })
}

/// The process itself.
pub async fn process(desk: &Desk, args: ProcessArgs) -> Outcome<()> {
    unlock::become_process(desk.home(), args.span).await
}

impl Render for Unlocked {
    fn text(&self, style: Style) -> String {
        let until = moment(self.until);
        format!("{} until {until}. `streembit lock` ends it before.", style.good("Unlocked"))
    }
}
