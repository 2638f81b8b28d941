//! The kernel's clocks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{TimeSource, Wall};

/// The machine's own clocks.
#[derive(Debug, Default)]
pub struct SystemTime {
    /// The second (of the monotonic clock) in which the kernel was last asked whether it is synchronised, doubled, and
    /// its answer in the lowest bit. Every command needs the time, and asking is the one part of it that costs a system call.
    asked: AtomicU64,
}

impl TimeSource for SystemTime {
    fn wall(&self) -> Wall {
        // The first second of a boot is the one that is always asked about.
        let second = self.monotonic().as_secs();
        let asked = self.asked.load(Ordering::Relaxed);
        let synchronised = if second != 0 && asked >> 1 == second {
            asked & 1 == 1
        } else {
            let synchronised = synchronised();
            self.asked.store(second << 1 | u64::from(synchronised), Ordering::Relaxed);
            synchronised
        };
        Wall { unix: clock_gettime(ClockId::Realtime).tv_sec, synchronised }
    }

    fn monotonic(&self) -> Duration {
        // CLOCK_BOOTTIME also counts while the machine sleeps: a suspended gateway must not stretch a grant.
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// Whether the kernel says that its clock is disciplined (`adjtimex(2)`).
///
/// Every NTP client (timesyncd, chrony, ntpd) clears `STA_UNSYNC` through this call, and the kernel sets it again by
/// itself when nobody has spoken for long (its estimate of the error passes 16 s). Files in `/run` are one client's
/// habit each.
fn synchronised() -> bool {
    // SAFETY: `timex` is a plain C structure of integers, for which all zeroes is a value.
    #[allow(unsafe_code)]
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `modes` is zero, so the call only fills in the structure, which lives until it returns.
    #[allow(unsafe_code)]
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    state >= 0 && state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0
}
