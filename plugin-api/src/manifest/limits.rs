//! What a plugin may use up. A manifest asks, within hard bounds; what it does not ask for has a default.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::reader::{ManifestError, Table};

/// Limits of one plugin instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, in bytes. A small Rust plugin needs about 1.1 MiB.
    pub memory: u64,
    /// Processor time of one call. A property read takes microseconds; the default leaves a spinning plugin ended well
    /// within 150 ms.
    pub cpu: Duration,
    /// Time from the start of one call to its answer, host calls and waiting included.
    pub deadline: Duration,
    /// Host calls a second, on the average; as many may come at once.
    pub host_calls_per_second: u32,
}

/// The host reserves 16 MiB of addresses for a memory and can move it when it grows beyond.
const MEMORY_MIB: RangeInclusive<u64> = 1..=64;
/// The ticker that counts has steps of 10 ms.
const CPU_MS: RangeInclusive<u64> = 10..=1_000;
/// A caller waits no longer than this either.
const DEADLINE_MS: RangeInclusive<u64> = 10..=60_000;
/// Each costs the agent about 10 µs: the upper bound is a fifth of one processor.
const HOST_CALLS: RangeInclusive<u64> = 1..=20_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 8 << 20,
            cpu: Duration::from_millis(50),
            deadline: Duration::from_secs(5),
            host_calls_per_second: 1_000,
        }
    }
}

impl Limits {
    pub(super) fn read(mut table: Table<'_>) -> Result<Self, ManifestError> {
        let mut limits = Self::default();
        if let Some(item) = table.optional("memory-mib") {
            limits.memory = item.integer(MEMORY_MIB)? << 20;
        }
        if let Some(item) = table.optional("cpu-ms") {
            limits.cpu = Duration::from_millis(item.integer(CPU_MS)?);
        }
        if let Some(item) = table.optional("deadline-ms") {
            limits.deadline = Duration::from_millis(item.integer(DEADLINE_MS)?);
        }
        if let Some(item) = table.optional("host-calls-per-second") {
            limits.host_calls_per_second = u32::try_from(item.integer(HOST_CALLS)?).unwrap_or(u32::MAX);
        }
        table.finish()?;
        Ok(limits)
    }
}
