//! `cargo xtask qualify idle`: what a device takes of its machine while nobody asks anything of it.
//!
//! Three plugins, and mDNS at work on an interface, in a network namespace of its own.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use streembit_harness::usage::{cpu_of, family, memory_of, written_by};
use streembit_harness::{Device, Programs};

use crate::tool;

/// The most that all processes may have, in bytes.
const MEMORY: u64 = 30_000_000;

/// The most that they may use of a core.
const CORE: f64 = 0.002;

/// By when plugins are compiled, and what that took is given back.
const WARM: Duration = Duration::from_secs(20);

/// How long three plugins may take to be compiled on a busy machine.
const RUNNING: Duration = Duration::from_secs(120);

/// In a namespace of its own.
pub(super) fn run(minutes: u64) -> Result<()> {
    let built = tool::target();
    let programs = Programs::in_folders(built.join("programs/release"), built.join("plugins"))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut device = Device::new(&programs, folder.path(), "garage")?;
    two_more_doors(&device, &programs)?;
    device.start()?;
    all_run(&device)?;
    std::thread::sleep(WARM);

    let (before, begun) = (Taken::by(&mut device)?, Instant::now());
    std::thread::sleep(Duration::from_secs(60 * minutes));
    let (after, span) = (Taken::by(&mut device)?, begun.elapsed());
    let core = after.cpu.saturating_sub(before.cpu).as_secs_f64() / span.as_secs_f64();
    println!(
        "{} processes with three plugins, idle for {} s: {:.2} MB of memory, then {:.2} MB; {:.3} % of a core; {} bytes written",
        after.processes,
        span.as_secs(),
        before.memory as f64 / 1e6,
        after.memory as f64 / 1e6,
        core * 100.0,
        after.written.saturating_sub(before.written),
    );
    ensure!(after.processes == before.processes, "processes came or went");
    ensure!(after.memory <= MEMORY, "at most {} MB were promised", MEMORY / 1_000_000);
    ensure!(core <= CORE, "at most {} % of a core were promised", CORE * 100.0);
    device.stop()
}

/// Three Things in all, and neighbours may find the device.
fn two_more_doors(device: &Device, programs: &Programs) -> Result<()> {
    let file = device.data().join("config.toml");
    let config = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut config = config.replace("mdns = false", "mdns = true").into_bytes();
    for (name, line) in [("gate", 7), ("shed", 10)] {
        let component = programs.plugin("gpio-switch");
        let [open, close, stop] =
            [line, line + 1, line + 2].map(|line| format!("gpiochip0 line {line}, output"));
        write!(
            config,
            "\n[plugins.{name}]\ncomponent = {component:?}\n\n[plugins.{name}.grants]\nopen = {open:?}\nclose = {close:?}\nstop = {stop:?}\n"
        )?;
    }
    std::fs::write(&file, config).with_context(|| file.display().to_string())?;
    device.run(["config", "check"])?.success()?;
    Ok(())
}

fn all_run(device: &Device) -> Result<()> {
    let begun = Instant::now();
    loop {
        let status = device.run(["--json", "status"])?.success()?.json()?;
        let things = status["things"].as_object().context("no Things")?;
        if things.len() == 3 && things.values().all(|state| state == "running") {
            return Ok(());
        }
        ensure!(begun.elapsed() < RUNNING, "not all plugins run: {things:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What all processes of a device have taken.
struct Taken {
    processes: usize,
    memory: u64,
    cpu: Duration,
    written: u64,
}

impl Taken {
    fn by(device: &mut Device) -> Result<Self> {
        let all = family(device.process()?.id());
        Ok(Self {
            processes: all.len(),
            memory: all.iter().copied().map(memory_of).sum::<Result<_>>()?,
            cpu: all.iter().copied().map(cpu_of).sum::<Result<_>>()?,
            written: all.iter().copied().map(written_by).sum::<Result<_>>()?,
        })
    }
}
