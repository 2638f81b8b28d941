//! `cargo xtask qualify [PART]`: what is too long for the gate.

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::fuzz;

mod machine;
mod packages;

/// How long each fuzz target runs: long enough to get past what its seeds already reach.
const FUZZ_SECONDS: u32 = 600;

/// Run what is too long for the gate.
#[derive(Args)]
pub(crate) struct Options {
    /// This part only; without it, every part.
    part: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every fuzz target for ten minutes.
    Fuzz,
    /// The packages, from installation to purge on a Debian system of their own. For root.
    Packages,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let parts = options.part.as_ref().map_or(Part::value_variants(), std::slice::from_ref);
    for part in parts {
        println!("qualify {part:?}");
        match part {
            Part::Fuzz => fuzz::run(&fuzz::Options { seconds: FUZZ_SECONDS, ..fuzz::Options::default() }),
            Part::Packages => packages::run(),
        }
        .with_context(|| format!("qualify {part:?}"))?;
    }
    Ok(())
}
