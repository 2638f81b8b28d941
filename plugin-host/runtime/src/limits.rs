//! What the whole process may use up, whatever happens inside the engine.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Bytes of addresses: 64 instances with the largest memory and its reservation. Only what is used counts as memory.
const ADDRESSES: u64 = 8 << 30;

/// The socket, the run time's own few, and the memory files that are on their way.
const FILES: u64 = 32;

pub(crate) fn apply() -> rustix::io::Result<()> {
    let limits = [
        (Resource::As, ADDRESSES),
        (Resource::Nofile, FILES),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    // No other process of this user may attach to it or read its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
