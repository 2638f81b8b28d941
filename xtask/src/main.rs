//! What the project does with itself: `cargo xtask demo | test | plugins | package | docs | bench | fuzz | qualify`.
//!
//! One file a command. [`requirements`] knows what each needs from the system, [`programs`] builds what is shipped,
//! [`tool`] runs other programs.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for people at a terminal, and nothing else.

mod bench;
mod demo;
mod docs;
mod fuzz;
mod package;
mod plugins;
mod programs;
mod qualify;
mod requirements;
mod test;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, shows and tests the Streembit device agent.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start a simulated device on loopback, pair with it, and show the whole path, a line a step.
    Demo(demo::Options),
    /// Measure what a command costs, the start and the memory, beside yardsticks of the same run.
    Bench(bench::Options),
    /// Run every test of the gate; what is needed from the system is named, or installed with --install.
    Test(test::Options),
    /// Fuzz everything that reads what a stranger wrote.
    Fuzz(fuzz::Options),
    /// Run what is too long for the gate.
    Qualify(qualify::Options),
    /// Build the first-party plugins into target/plugins, or a plugin of your own in its folder.
    Plugins(plugins::Options),
    /// Build the book into target/book, by `mdbook`.
    Docs,
    /// Make the packages that are installed: .deb, and a tarball with an install script.
    Package(package::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Qualify(options) => qualify::run(&options),
        Task::Package(options) => package::run(&options),
        Task::Docs => docs::run(),
        Task::Plugins(options) => plugins::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
