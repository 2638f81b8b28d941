//! What this kernel has for confining plugins.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{MemfdFlags, memfd_create};

use super::{Diagnosis, Point};

/// What the kernel says of a process (`/proc/…/status`), as far as confinement goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Confinement {
    /// Nothing that it starts gains a privilege.
    no_new_privileges: Option<bool>,
    /// 0 without filters, 1 strict, 2 with a filter.
    seccomp: Option<u8>,
    /// Whether the kernel knows filters at all.
    filters: bool,
}

/// Each feature that the sandbox needs, or that makes it better.
pub fn kernel() -> Vec<Point> {
    let own = fs::read_to_string("/proc/self/status").map(|text| Confinement::parse(&text));
    let mut points = match own {
        Ok(own) => vec![seccomp(own), no_new_privileges(own)],
        Err(error) => vec![
            Diagnosis::Sandbox
                .warning(format!("the kernel cannot be asked: {error}"), "Mount /proc for the agent.")
                .on("seccomp"),
        ],
    };
    points.extend([memory_files(), landlock(landlock_abi()), control_groups(Path::new("/sys/fs/cgroup"))]);
    points
}

/// Whether these host processes run under a filter, as they said they would.
pub fn confined(hosts: &[u32]) -> Point {
    // One that ended meanwhile, or that the kernel hides from its siblings, cannot be asked.
    let asked: Vec<(u32, Confinement)> = hosts
        .iter()
        .filter_map(|id| {
            let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            Some((*id, Confinement::parse(&text)))
        })
        .collect();
    let is_loose = |found: Confinement| found.seccomp != Some(2) || found.no_new_privileges != Some(true);
    let loose: Vec<String> =
        asked.iter().filter(|(_, found)| is_loose(*found)).map(|(id, _)| id.to_string()).collect();
    let point = if loose.is_empty() {
        Diagnosis::Sandbox.ok(match (hosts.len(), asked.len()) {
            (all, seen) if all == seen => format!("{all} running, each behind its filter"),
            (all, 0) => format!("{all} running; the kernel shows them to root alone"),
            (all, seen) => {
                format!("{all} running; those that the kernel shows, {seen}, are behind their filter")
            }
        })
    } else {
        Diagnosis::Sandbox.bad(
            format!("without a filter: process {}", loose.join(", ")),
            "Stop the agent, and install its package again: these are not its plugin hosts.",
        )
    };
    point.on("hosts")
}

impl Confinement {
    fn parse(status: &str) -> Self {
        let mut found = Self::default();
        for (key, value) in status.lines().filter_map(|line| line.split_once(':')) {
            match (key, value.trim()) {
                ("NoNewPrivs", value) => found.no_new_privileges = Some(value == "1"),
                ("Seccomp", value) => found.seccomp = value.parse().ok(),
                ("Seccomp_filters", _) => found.filters = true,
                _ => {}
            }
        }
        found
    }
}

fn seccomp(own: Confinement) -> Point {
    let point = match own {
        // Kernels before 5.9 know filters and do not count them.
        Confinement { seccomp: Some(mode), filters, .. } if filters || mode == 2 => {
            Diagnosis::Sandbox.ok("this kernel filters system calls")
        }
        Confinement { seccomp: Some(_), .. } => {
            Diagnosis::Sandbox.ok("this kernel knows seccomp, and does not say whether filters too")
        }
        Confinement { seccomp: None, .. } => Diagnosis::Sandbox.bad(
            "this kernel has no seccomp: no plugin runs",
            "Use a kernel with CONFIG_SECCOMP_FILTER, which those of distributions have.",
        ),
    };
    point.on("seccomp")
}

fn no_new_privileges(own: Confinement) -> Point {
    let point = match own.no_new_privileges {
        Some(true) => Diagnosis::Sandbox.ok("set for the agent itself"),
        Some(false) => Diagnosis::Sandbox.ok("known to this kernel; each plugin host sets it for itself"),
        None => Diagnosis::Sandbox.bad(
            "this kernel does not know it: no plugin runs",
            "Use a kernel of 2016 or later, from 4.10 on.",
        ),
    };
    point.on("no-new-privileges")
}

/// Compiled plugins are handed over in a sealed file in memory, which `vm.memfd_noexec=2` forbids to make.
fn memory_files() -> Point {
    let point = match memfd_create("streembit-check", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING) {
        Ok(_) => Diagnosis::Sandbox.ok("files in memory can be made and sealed"),
        Err(error) => Diagnosis::Sandbox.bad(
            format!("no file in memory can be made, so no plugin starts: {error}"),
            "Allow it: `sysctl vm.memfd_noexec=0`.",
        ),
    };
    point.on("memory files")
}

/// The version of landlock, or the kernel's answer.
fn landlock_abi() -> io::Result<u64> {
    /// From `linux/landlock.h`: answer the version, make nothing.
    const VERSION: libc::c_ulong = 1;
    // SAFETY: with this flag the call reads no memory of ours, takes no other argument and opens nothing.
    #[allow(unsafe_code)]
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION)
    };
    u64::try_from(answer).map_err(|_| io::Error::last_os_error())
}

/// Beside the filter it would be one fence more, and is never needed: no answer is wrong.
fn landlock(abi: io::Result<u64>) -> Point {
    let detail = match abi {
        Ok(version) => format!("version {version}"),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOSYS) => "not in this kernel, and not needed".to_owned(),
            Some(libc::EOPNOTSUPP) => "switched off at boot, and not needed".to_owned(),
            Some(libc::EPERM) => "the service may not ask, and does not need it".to_owned(),
            _ => format!("unknown, and not needed: {error}"),
        },
    };
    Diagnosis::Sandbox.ok(detail).on("landlock")
}

/// `MemoryMax=` of the unit counts only with the memory controller. The limits of each plugin hold without.
fn control_groups(mount: &Path) -> Point {
    let detail = match fs::read_to_string(mount.join("cgroup.controllers")) {
        Ok(text) if text.split_whitespace().any(|controller| controller == "memory") => {
            "version 2, memory is counted".to_owned()
        }
        Ok(_) => "version 2 without memory: each plugin's own limit holds all the same".to_owned(),
        Err(_) => "not version 2: each plugin's own limit holds all the same".to_owned(),
    };
    Diagnosis::Sandbox.ok(detail).on("control groups")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    const FILTERED: &str = "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
    const BARE: &str = "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n";
    const OLD: &str = "Name:\tx\n";

    #[test]
    fn what_the_kernel_says_of_a_process_is_read() {
        let filtered = Confinement { no_new_privileges: Some(true), seccomp: Some(2), filters: true };
        assert_eq!(Confinement::parse(FILTERED), filtered);
        assert_eq!(Confinement::parse(OLD), Confinement::default());
        assert_eq!(Confinement::parse("no status"), Confinement::default());
    }

    #[test]
    fn only_a_kernel_that_cannot_confine_is_bad() {
        for (text, level) in [(FILTERED, Level::Ok), (BARE, Level::Ok), (OLD, Level::Bad)] {
            let found = Confinement::parse(text);
            assert_eq!(seccomp(found).level, level, "{text}");
            assert_eq!(no_new_privileges(found).level, level, "{text}");
        }
        for answer in
            [Ok(7), Err(io::Error::from_raw_os_error(libc::ENOSYS)), Err(io::ErrorKind::Other.into())]
        {
            assert_eq!(landlock(answer).level, Level::Ok);
        }
        assert_eq!(control_groups(Path::new("/no/such/mount")).level, Level::Ok);
    }

    #[test]
    fn a_process_without_a_filter_is_named() {
        // This one has none of its own making; one that is gone is nobody's trouble.
        let own = std::process::id();
        let found = Confinement::parse(&fs::read_to_string("/proc/self/status").unwrap());
        let loose = found.seccomp != Some(2) || found.no_new_privileges != Some(true);
        let point = confined(&[own, u32::MAX]);
        assert_eq!(point.level == Level::Bad, loose, "{point:?}");
        assert_eq!(point.detail.contains(&own.to_string()), loose, "{point:?}");
        assert_eq!(confined(&[]).level, Level::Ok);
    }
}
