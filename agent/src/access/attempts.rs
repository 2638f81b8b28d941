//! How often a source may try to prove a secret.

use std::collections::HashMap;
use std::time::Duration;

/// Wrong tries of one source that cost nothing: somebody mistypes.
const FREE: u32 = 3;

/// The wait after the first try beyond those; it doubles with each more.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The longest wait: longer than a pairing is open (ten minutes), so that one source gets some eleven tries at it in all.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// A source that was quiet for so long starts afresh.
const FORGET: Duration = Duration::from_secs(3600);

/// The most sources that are remembered, about 100 bytes each. Beyond it the one that failed longest ago is forgotten,
/// never the door closed to everybody.
const MAX_SOURCES: usize = 1024;

/// Failed tries by source: a network address, or a caller's key.
///
/// There is no lock for all: somebody who guesses keeps nobody else out. What protects the secret itself is its length
/// (at least 40 bits) and the ten minutes; the wait only keeps the device from working for a guesser.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: HashMap<Box<str>, Failed>,
}

#[derive(Debug)]
struct Failed {
    count: u32,
    last: Duration,
}

/// This source has to wait before its next try counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong attempts: wait {} s", wait.as_secs().max(1))]
pub struct TooSoon {
    /// How long.
    pub wait: Duration,
}

impl Attempts {
    /// Nobody has failed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `source` may try at the monotonic time `now`. Ask before looking at the secret: a try that comes too soon
    /// must not learn whether it was right.
    pub fn check(&self, source: &str, now: Duration) -> Result<(), TooSoon> {
        let Some(failed) = self.failed.get(source) else { return Ok(()) };
        let passed = now.saturating_sub(failed.last);
        match failed.wait().checked_sub(passed) {
            Some(wait) if !wait.is_zero() => Err(TooSoon { wait }),
            _ => Ok(()),
        }
    }

    /// The try of `source` was wrong.
    pub fn failed(&mut self, source: &str, now: Duration) {
        self.failed.retain(|_, failed| now.saturating_sub(failed.last) < FORGET);
        if let Some(failed) = self.failed.get_mut(source) {
            failed.count = failed.count.saturating_add(1);
            failed.last = now;
            return;
        }
        if self.failed.len() >= MAX_SOURCES {
            let oldest =
                self.failed.iter().min_by_key(|(_, failed)| failed.last).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.failed.remove(&name));
        }
        self.failed.insert(source.into(), Failed { count: 1, last: now });
    }

    /// The try of `source` was right.
    pub fn succeeded(&mut self, source: &str) {
        self.failed.remove(source);
    }
}

impl Failed {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            // 2^16 times the first wait is beyond the longest: no overflow before the cap.
            Some(more) => (FIRST_WAIT * (1 << (more - 1).min(16))).min(LONGEST_WAIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn mistyping_is_free_and_guessing_is_not() {
        let mut attempts = Attempts::new();
        for _ in 0..FREE {
            assert_eq!(attempts.check("a", s(10)), Ok(()));
            attempts.failed("a", s(10));
        }
        assert_eq!(attempts.check("a", s(10)), Ok(()));
        attempts.failed("a", s(10));
        assert_eq!(attempts.check("a", s(10)), Err(TooSoon { wait: s(2) }));
        assert_eq!(attempts.check("a", s(12)), Ok(()));
        attempts.failed("a", s(12));
        assert_eq!(attempts.check("a", s(12)), Err(TooSoon { wait: s(4) }));
    }

    #[test]
    fn the_wait_grows_to_its_limit_and_no_further() {
        let mut attempts = Attempts::new();
        for _ in 0..100 {
            attempts.failed("a", s(0));
        }
        assert_eq!(attempts.check("a", s(0)), Err(TooSoon { wait: LONGEST_WAIT }));
    }

    #[test]
    fn one_source_keeps_no_other_out() {
        let mut attempts = Attempts::new();
        for _ in 0..20 {
            attempts.failed("a", s(0));
        }
        assert!(attempts.check("a", s(0)).is_err());
        assert_eq!(attempts.check("b", s(0)), Ok(()));
    }

    #[test]
    fn a_right_try_and_a_quiet_hour_forgive() {
        let mut attempts = Attempts::new();
        for _ in 0..20 {
            attempts.failed("a", s(0));
            attempts.failed("b", s(0));
        }
        attempts.succeeded("a");
        assert_eq!(attempts.check("a", s(0)), Ok(()));
        assert_eq!(attempts.check("b", s(3600)), Ok(()));
        attempts.failed("b", s(3600));
        assert_eq!(attempts.check("b", s(3600)), Ok(()), "counted afresh");
    }

    #[test]
    fn a_crowd_of_sources_stays_bounded_and_locks_nobody_out() {
        let mut attempts = Attempts::new();
        for i in 0..(2 * MAX_SOURCES) {
            attempts.failed(&format!("source {i}"), s(i as u64 / 4));
        }
        assert_eq!(attempts.failed.len(), MAX_SOURCES);
        assert_eq!(attempts.check("somebody new", s(600)), Ok(()));
    }
}
