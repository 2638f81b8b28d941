//! The processor time of a call, in ticks of the epoch.

use wasmtime::UpdateDeadline;

/// Counts the ticks that a call was seen running.
///
/// Only the plugin's own code is interrupted by a tick, so waiting for a host call costs at most one.
#[derive(Debug)]
pub(crate) struct Budget {
    allowed: u32,
    used: u32,
}

impl Budget {
    pub(crate) fn new(cpu_ms: u32) -> Self {
        let tick = u32::try_from(streembit_plugin_engine::TICK.as_millis()).unwrap_or(u32::MAX);
        Self { allowed: cpu_ms.div_ceil(tick).max(1), used: 0 }
    }

    /// A new call begins.
    pub(crate) fn reset(&mut self) {
        self.used = 0;
    }

    /// A tick found the call running: it yields to the others, or ends.
    pub(crate) fn tick(&mut self) -> UpdateDeadline {
        self.used += 1;
        if self.used > self.allowed { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) }
    }

    /// Whether it was this budget that ended the call.
    pub(crate) fn is_spent(&self) -> bool {
        self.used > self.allowed
    }
}
