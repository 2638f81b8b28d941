//! `cargo xtask qualify [PART]`: what is too long for the gate.

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use streembit_harness::{LAN, apart};

use crate::programs::{self, Profile};
use crate::{bench, fuzz, plugins, tool};

mod book;
mod emulated;
mod idle;
mod machine;
mod packages;
mod soak;

/// How long each fuzz target runs: long enough to get past what its seeds already reach.
const FUZZ_SECONDS: u32 = 600;

/// Run what is too long for the gate.
#[derive(Args)]
pub(crate) struct Options {
    /// This part only; without it, every part.
    part: Option<Part>,

    /// How many minutes the soak lasts, and how long a device is left alone.
    #[arg(long, default_value_t = 10)]
    minutes: u64,

    /// In a network namespace of its own already.
    #[arg(long, hide = true)]
    apart: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every figure that was promised, measured. Not beside something else.
    Bench,
    /// Every fuzz target for ten minutes.
    Fuzz,
    /// People at a device on which everything goes wrong now and then, for ten minutes or `--minutes`.
    Soak,
    /// What a device takes that nobody asks anything, for ten minutes or `--minutes`. Not beside something else.
    Idle,
    /// The packages for other processors, and what their programs do under an emulator.
    Arm,
    /// The packages, from installation to purge on a Debian system of their own, and what the book says of that. For root.
    Packages,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let parts = options.part.as_ref().map_or(Part::value_variants(), std::slice::from_ref);
    for part in parts {
        println!("qualify {part:?}");
        match part {
            Part::Bench => bench::run(&bench::Options::default()),
            Part::Fuzz => fuzz::run(&fuzz::Options { seconds: FUZZ_SECONDS, ..fuzz::Options::default() }),
            Part::Soak if options.apart => soak::run(options.minutes),
            Part::Soak => run_apart("soak", soak::NETWORK, options.minutes),
            Part::Idle if options.apart => idle::run(options.minutes),
            Part::Idle => run_apart("idle", LAN, options.minutes),
            Part::Arm => emulated::run(),
            Part::Packages => packages::run(),
        }
        .with_context(|| format!("qualify {part:?}"))?;
    }
    Ok(())
}

/// Starts a part anew in a network namespace, whose network these lines of a shell make.
fn run_apart(part: &str, network: &str, minutes: u64) -> Result<()> {
    // Built outside, since there is no network inside.
    programs::build(Profile::Release)?;
    plugins::build()?;
    let mut apart = apart(&["--net", "--kill-child=SIGKILL", "--fork"]);
    apart.args(["sh", "-c", &format!("set -e\n{network}\nexec \"$@\""), "sh"]);
    apart.arg(std::env::current_exe().context("this program")?);
    tool::run(apart.args(["qualify", part, "--apart", "--minutes", &minutes.to_string()]))
}
