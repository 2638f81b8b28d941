//! Processes that end with their measurement, and what they cost, children included.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use streembit_harness::usage::{cpu_of, family, memory_of, written_by};

/// A process that is stopped when this goes.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it; what it writes to its standard output goes where `stdout` says.
    pub(crate) fn start(command: &mut Command, stdout: Stdio) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(stdout);
        command.spawn().map(Self).with_context(|| format!("cannot start {name}"))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// What it and all its children have used of a processor so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        family(self.0.id()).into_iter().map(cpu_of).sum()
    }

    /// The memory that it and all its children have, shared pages by their share, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        family(self.0.id()).into_iter().map(memory_of).sum()
    }

    /// What it and all its children have written to disks so far, in bytes.
    pub(crate) fn written(&self) -> Result<u64> {
        family(self.0.id()).into_iter().map(written_by).sum()
    }

    /// How many processes it is.
    pub(crate) fn count(&self) -> usize {
        family(self.0.id()).len()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            // An orderly end, so that its own children end, too. It may be gone already.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..100 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
