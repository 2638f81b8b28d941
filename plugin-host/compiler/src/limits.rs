//! What the compiler may use up: a component that needs more is not compiled.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Seconds of processor time. 26 ms is usual; the largest component known (Python) takes 11 s.
const CPU_SECONDS: u64 = 60;

/// Bytes of addresses. The largest component known needs below 1 GiB.
const ADDRESSES: u64 = 4 << 30;

pub(crate) fn apply() -> rustix::io::Result<()> {
    let limits = [
        (Resource::Cpu, CPU_SECONDS),
        (Resource::As, ADDRESSES),
        // A pipe is not a file: not one byte may go to a disk, and no core either.
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, 16),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
