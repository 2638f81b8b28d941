//! `cargo xtask bench`: builds what ships, and measures it.
//!
//! The measuring is a program of its own (`xtask/bench`), because it must be built with the release profile and uses the
//! crates that it measures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::programs::{self, Profile};
use crate::{plugins, requirements, tool};

/// The yardstick's packages. Both are pinned: another version is another yardstick.
const NODE_WOT: [&str; 2] = ["@node-wot/core@0.9.2", "@node-wot/binding-http@0.9.2"];

/// Seconds for each load: a few thousand commands where there is one at a time.
const SECONDS: u64 = 5;

/// Entries of the long journal: those of a busy device in a year.
const ENTRIES: u64 = 1_000_000;

/// How it is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the figures by name to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Leave out node-wot, which npm would fetch
    #[arg(long)]
    without_node_wot: bool,

    /// How long each load runs
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS)]
    seconds: u64,

    /// How many entries the long journal has
    #[arg(long, value_name = "N", default_value_t = ENTRIES)]
    entries: u64,

    /// Install what is missing from the system
    #[arg(long)]
    install: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            json: None,
            without_node_wot: false,
            seconds: SECONDS,
            entries: ENTRIES,
            install: tool::in_ci(),
        }
    }
}

/// Fails where a figure is not what was promised.
pub(crate) fn run(options: &Options) -> Result<()> {
    requirements::for_bench(options.install, !options.without_node_wot)?;
    let plugins = plugins::build()?;
    let programs = programs::build(Profile::Release)?;
    let mut cargo = tool::cargo();
    tool::run(cargo.args(["build", "--quiet", "--release", "--package", "streembit-bench"]))?;

    let mut bench = Command::new(tool::target().join("release/streembit-bench"));
    bench.arg("run").arg("--programs").arg(programs).arg("--plugins").arg(plugins);
    bench.args(["--seconds", &options.seconds.to_string(), "--entries", &options.entries.to_string()]);
    if let Some(file) = &options.json {
        bench.arg("--json").arg(file);
    }
    if !options.without_node_wot {
        bench.arg("--node-wot").arg(node_wot()?);
    }
    tool::run(&mut bench)
}

/// Installs node-wot below the folder for everything that is built, once.
fn node_wot() -> Result<PathBuf> {
    let folder = tool::target().join("node-wot");
    if !installed(&folder) {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"]).arg(&folder);
        tool::run(npm.args(NODE_WOT))?;
    }
    Ok(folder)
}

fn installed(folder: &Path) -> bool {
    NODE_WOT.iter().all(|package| {
        let name = package.rsplit_once('@').map_or(*package, |(name, _)| name);
        folder.join("node_modules").join(name).is_dir()
    })
}
