//! What the device costs and how fast it answers, measured on the programs as they ship.
//!
//! `cargo xtask bench` builds this and the programs with the release profile and runs it. Everything is measured in one run
//! and on one machine, with yardsticks beside it (OpenSSL, libp2p's request-response, a Web of Things server), because only ratios mean
//! something on a machine that others share.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for people at a terminal, and nothing else.

mod commands;
mod device;
mod figures;
mod journal;
mod load;
mod memory;
mod person;
mod processes;
mod request_response;
mod signatures;
mod start;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};

use device::Built;
use figures::Figures;

/// Measures the programs in a folder.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure everything and print it.
    Run(Options),
    /// Send back what comes in over the network: the yardstick's other process.
    Echo,
}

/// What is measured, and how long.
#[derive(clap::Args)]
struct Options {
    /// The folder with the programs as they ship
    #[arg(long, value_name = "DIR")]
    programs: PathBuf,

    /// The folder with the plugins
    #[arg(long, value_name = "DIR")]
    plugins: PathBuf,

    /// A folder where `npm install` has put node-wot; without it, that yardstick is left out
    #[arg(long, value_name = "DIR")]
    node_wot: Option<PathBuf>,

    /// Write the figures by name to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// How long each load runs
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,

    /// How many entries the long journal has
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    entries: u64,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(options) => run(&options),
        Task::Echo => request_response::echo(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let span = Duration::from_secs(options.seconds);
    let built = Built { programs: &options.programs, plugins: &options.plugins };
    let mut figures = Figures::default();
    eprintln!("signatures …");
    signatures::measure(&mut figures, span)?;
    eprintln!("libp2p's request-response …");
    runtime.block_on(request_response::measure(&mut figures, span)).context("request-response")?;
    eprintln!("commands …");
    runtime.block_on(commands::measure(&mut figures, built, span)).context("commands")?;
    eprintln!("memory …");
    memory::measure(&mut figures, built).context("memory")?;
    eprintln!("start …");
    runtime.block_on(start::measure(&mut figures, built, options.entries)).context("start")?;
    if let Some(folder) = &options.node_wot {
        eprintln!("node-wot …");
        runtime.block_on(web::measure(&mut figures, folder, span)).context("node-wot")?;
    }
    figures.compare();
    println!("{figures}");
    if let Some(file) = &options.json {
        std::fs::write(file, figures.to_json()?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missed = figures.missed();
    ensure!(missed.is_empty(), "more than was promised: {}", missed.join(", "));
    Ok(())
}
