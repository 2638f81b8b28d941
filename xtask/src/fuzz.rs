//! `cargo xtask fuzz`: everything that reads what a stranger wrote, under libFuzzer.
//!
//! The targets are in the workspace `fuzz`, one program for all of them, and `fuzz/seeds` has a folder for each. This
//! drives rustc and libFuzzer directly: coverage instrumentation is a stable compiler option, so neither a nightly
//! toolchain nor `cargo fuzz` is needed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{requirements, tool};

/// What `cargo fuzz` passes too, but for the address sanitizer: our code is safe Rust, and without it runs are three
/// times as fast and need no unstable option.
const INSTRUMENTATION: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Seconds for one input. Everything here is meant to take milliseconds.
const SLOWEST_INPUT: u32 = 10;
/// Memory of one run, in MiB. The largest input that any reader takes is 256 KiB.
const MEMORY: u32 = 1024;
/// Bytes of the longest input. Structure is found in short ones, and long ones cost speed: what lies beyond (the readers take
/// up to 256 KiB) is for the tests of their limits.
const LONGEST_INPUT: u32 = 16 * 1024;

/// Fuzz all that reads what a stranger wrote.
#[derive(Default, Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 600)]
    pub(crate) seconds: u32,
    /// How many targets run at once; as many as there are cores where none is given.
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Install what is missing from the system (as root, or by sudo). CI=true does so too.
    #[arg(long)]
    pub(crate) install: bool,
    /// Only these targets; all of them without any.
    pub(crate) targets: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let known = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("no fuzz target `{unknown}`: there are {}", known.join(", "));
    }
    let chosen = if options.targets.is_empty() { known } else { options.targets.clone() };
    requirements::for_fuzz(options.install || tool::in_ci())?;
    let program = build()?;

    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        while let Some(target) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = fuzz(&program, target, options.seconds);
            match &result {
                Ok(summary) => println!("{target:16} {summary}"),
                Err(error) => println!("{target:16} FAILED: {error:#}"),
            }
            if result.is_err() {
                failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(target.clone());
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = options.jobs.unwrap_or(cores);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));

    let failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !failures.is_empty() {
        bail!("fuzz targets failed: {}", failures.join(", "));
    }
    Ok(())
}

/// The targets are the folders of seeds.
fn targets() -> Result<Vec<String>> {
    let folder = tool::workspace().join("fuzz/seeds");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the one program, in a target folder of its own: instrumented code must not meet any other.
fn build() -> Result<PathBuf> {
    // The versions that ship are the ones to try: a lock file of its own would drift from them.
    let lock = |folder: &str| tool::workspace().join(folder).join("Cargo.lock");
    std::fs::copy(lock("."), lock("fuzz")).context("cannot copy Cargo.lock")?;
    let host = tool::output(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let mut cargo = tool::cargo();
    cargo.args(["build", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]);
    // With a target of its own, build scripts and macros stay without instrumentation.
    cargo.args(["--target", host]).arg("--target-dir").arg(folder());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    tool::run(&mut cargo)?;
    Ok(folder().join(host).join("debug/streembit-fuzz"))
}

fn folder() -> PathBuf {
    tool::target().join("fuzz")
}

/// Runs one target from its seeds and from what earlier runs found; returns libFuzzer's own count of runs.
fn fuzz(program: &Path, target: &str, seconds: u32) -> Result<String> {
    let found = folder().join("corpus").join(target);
    let crashes = folder().join("crashes").join(target);
    for folder in [&found, &crashes] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let source = tool::workspace().join("fuzz");
    let mut run = Command::new(program);
    run.env("STREEMBIT_FUZZ_TARGET", target).stdin(Stdio::null());
    run.arg(format!("-max_total_time={seconds}"));
    run.arg(format!("-timeout={SLOWEST_INPUT}"));
    run.arg(format!("-rss_limit_mb={MEMORY}"));
    run.arg(format!("-max_len={LONGEST_INPUT}"));
    run.arg(format!("-dict={}", source.join("words.dict").display()));
    run.arg(format!("-artifact_prefix={}/", crashes.display()));
    run.arg("-print_final_stats=1");
    run.arg(&found).arg(source.join("seeds").join(target));
    let output = run.output().with_context(|| format!("cannot start {}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last: Vec<_> = log.lines().rev().take(40).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        bail!(
            "{}\nAgain: STREEMBIT_FUZZ_TARGET={target} {} {}/<the file named above>",
            last.join("\n"),
            program.display(),
            crashes.display(),
        );
    }
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(':').trim().to_owned()).unwrap_or_default()
    };
    let runs = stat("stat::number_of_executed_units");
    Ok(format!("{runs} runs, {} a second", stat("stat::average_exec_per_sec")))
}
