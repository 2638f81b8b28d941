//! The only place of this program that reads clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock. What a person's own machine believes is good for dates on the screen and for the `iat` that a device
/// judges by the offset that it saw at the handshake.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The wall clock in whole seconds since 1970.
pub fn unix_now() -> i64 {
    now().as_second()
}

/// An end that comes as soon as either clock says so.
///
/// The monotonic clock stands still while a laptop sleeps, and the wall clock can be set back: `unlock --for 8h` must
/// end after eight hours of either. A wall clock that jumps ahead ends it early, which is the safe side.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    monotonic: Instant,
    wall: Timestamp,
}

impl Deadline {
    /// The end of a span that starts now. A span beyond what a clock can say ends where the clock does.
    pub fn after(span: Duration) -> Self {
        let far = Duration::from_secs(10 * 365 * 24 * 3600);
        let span = span.min(far);
        let wall = now();
        let wall = wall.checked_add(jiff::SignedDuration::try_from(span).unwrap_or_default()).unwrap_or(wall);
        Self { monotonic: Instant::now() + span, wall }
    }

    /// Whether it has come.
    pub fn passed(&self) -> bool {
        Instant::now() >= self.monotonic || now() >= self.wall
    }

    /// When it comes, for people.
    pub fn wall(&self) -> Timestamp {
        self.wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_comes_with_whichever_clock_is_first() {
        let later = Deadline::after(Duration::from_secs(60));
        assert!(!later.passed());
        // As after a night's sleep: the wall clock is past it, the monotonic clock is not.
        assert!(Deadline { wall: now() - Duration::from_secs(1), ..later }.passed());
        // As with the wall clock set back.
        assert!(Deadline { monotonic: Instant::now(), ..later }.passed());
    }
}
