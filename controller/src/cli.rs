//! The command line: what can be typed, and which command it means. Each command is a file of its own in
//! [`crate::commands`].

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    accept, completions, confirm, contacts, device, init, invite, invoke, lock, log, ls, observe, offer,
    pair, read, recovery, revoke, td, unlock, write,
};
use crate::desk::Desk;
use crate::error::Outcome;
use crate::home::Home;
use crate::output::Output;
use crate::passcode::Source;

const ABOUT: &str = "Control your things, from anywhere, without anybody in between.";

const AFTER: &str = "\
Addresses are DEVICE/THING/AFFORDANCE, and may be shortened where nothing else can be meant:
  garage/door/open   door/open   garage/open   open

First steps:
  streembit init                    make your account
  streembit pair 'streembit:…'      pair with a device (it shows the link: `streembit-agent pair`)
  streembit ls                      see what there is
  streembit invoke garage/door/open

";

/// The person's program.
#[derive(Debug, Parser)]
#[command(
    name = "streembit",
    version,
    about = ABOUT,
    after_help = format!("{AFTER}{}", streembit_peer::exit::HELP),
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    styles = STYLES,
    max_term_width = 110,
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Quiet colours: headings and what is typed stand out, the rest does not.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// What holds for every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The home folder, with your account and contacts [default: ~/.local/share/streembit]
    #[arg(long, global = true, env = "STREEMBIT_HOME", value_name = "DIR", hide_env_values = true)]
    pub home: Option<PathBuf>,

    /// Print JSON for scripts: one document, or one line an item where there is a stream
    #[arg(long, global = true)]
    pub json: bool,

    /// Read the passcode from the first line of a file that only you can read
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "passcode_fd")]
    pub passcode_file: Option<PathBuf>,

    /// Read the passcode from the first line of this descriptor, a pipe for example
    #[arg(long, global = true, value_name = "N")]
    pub passcode_fd: Option<u32>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make your account: a key under a passcode
    Init(init::Args),
    /// Keep the account unlocked for a while, so that commands neither ask nor dial again
    Unlock(unlock::Args),
    /// Lock the account again
    Lock(lock::Args),
    /// Pair with a device by the link that it shows
    Pair(pair::Args),
    /// Accept an invitation to a device
    Accept(accept::Args),
    /// Print your contact offer, to be sent to somebody
    Offer(offer::Args),
    /// List the devices that you know; add, verify, rename or forget one
    Contacts(contacts::Args),
    /// List your devices and their Things, with their state at a glance
    Ls(ls::Args),
    /// Print a Thing Description
    Td(td::Args),
    /// Read a property
    Read(read::Args),
    /// Write a property
    Write(write::Args),
    /// Invoke an action
    Invoke(invoke::Args),
    /// Follow a property as it changes
    Observe(observe::ObserveArgs),
    /// Follow an event as it happens
    Subscribe(observe::SubscribeArgs),
    /// Invite somebody to a device, by a link or by their offer
    Invite(invite::Args),
    /// Take all rights of somebody away
    Revoke(revoke::Args),
    /// Let people go on whom a device suspended when it was restored
    Confirm(confirm::Args),
    /// Get a device back when an account is lost, and prepare for that
    Recovery(recovery::Args),
    /// Read a device's journal
    Log(log::Args),
    /// Look after a device
    Device(device::Args),
    /// Print a shell's completions
    Completions(completions::Args),
    /// What `streembit unlock` leaves behind.
    #[command(name = crate::unlock::COMMAND, hide = true)]
    UnlockProcess(unlock::ProcessArgs),
}

impl Cli {
    /// Does what was typed, and prints what came of it.
    pub async fn run(self, output: Output) -> Outcome<()> {
        let home = Home::locate(self.global.home.as_deref())?;
        let desk = Desk::new(home, self.global.source(), output);
        // Commands are large as futures; on the heap their size costs nothing.
        let outcome = Box::pin(self.command.run(&desk)).await;
        desk.close().await;
        outcome
    }
}

impl Global {
    fn source(&self) -> Source {
        Source::of_options(self.passcode_file.clone(), self.passcode_fd)
    }
}

impl Command {
    async fn run(self, desk: &Desk) -> Outcome<()> {
        let output = desk.output();
        match self {
            Command::Init(args) => output.print(&init::run(desk, args).await?),
            Command::Unlock(args) => output.print(&unlock::run(desk, args).await?),
            Command::UnlockProcess(args) => unlock::process(desk, args).await,
            Command::Lock(args) => output.print(&lock::run(desk, args).await?),
            Command::Pair(args) => output.print(&pair::run(desk, args).await?),
            Command::Accept(args) => output.print(&accept::run(desk, args).await?),
            Command::Offer(args) => output.print(&offer::run(desk, args).await?),
            Command::Contacts(args) => output.print(&contacts::run(desk, args)?),
            Command::Ls(args) => {
                let listing = ls::run(desk, args).await?;
                output.print(&listing)?;
                listing.verdict()
            }
            Command::Td(args) => output.print(&td::run(desk, args).await?),
            Command::Read(args) => output.print(&read::run(desk, args).await?),
            Command::Write(args) => output.print(&write::run(desk, args).await?),
            Command::Invoke(args) => output.print(&invoke::run(desk, args).await?),
            Command::Observe(args) => {
                observe::observe(desk, args, |item| output.print_item(item)).await.map(|_| ())
            }
            Command::Subscribe(args) => {
                observe::subscribe(desk, args, |item| output.print_item(item)).await.map(|_| ())
            }
            Command::Invite(args) => output.print(&invite::run(desk, args).await?),
            Command::Revoke(args) => output.print(&revoke::run(desk, args).await?),
            Command::Confirm(args) => output.print(&confirm::run(desk, args).await?),
            Command::Recovery(args) => output.print(&recovery::run(desk, args).await?),
            Command::Log(args) => {
                let journal = log::run(desk, args).await?;
                output.print(&journal)?;
                journal.verdict()
            }
            Command::Device(args) => {
                let status = Box::pin(device::run(desk, args)).await?;
                output.print(&status)?;
                status.verdict()
            }
            Command::Completions(args) => output.print(&completions::run(&args)),
        }
    }
}
