//! Lines in the log about what somebody tries, few of them however often they try.
//!
//! The first of a kind is told at once, with who and whence. What follows within a minute is counted, and told as one line
//! with its number when the minute is over; so a flood costs a line a minute for each reason, and no number is lost. Kinds and
//! reasons are the program's own words, so there are a few dozen at most. While nothing happens no task waits here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// For so long the same reason is counted and not told.
const INTERVAL: Duration = Duration::from_secs(60);

/// What happened, and why: both words of the program.
type Kind = (&'static str, &'static str);

/// Tells of security events. Clones share what was told.
#[derive(Debug, Clone)]
pub struct SecurityLog {
    windows: Arc<Mutex<HashMap<Kind, Window>>>,
    interval: Duration,
}

impl Default for SecurityLog {
    fn default() -> Self {
        Self { windows: Arc::default(), interval: INTERVAL }
    }
}

#[derive(Debug)]
struct Window {
    until: Instant,
    more: u64,
    /// Somebody waits for its end, to tell the number.
    is_awaited: bool,
}

impl SecurityLog {
    /// `what` happened because of `why`: `tell` writes the line, where one is due.
    pub fn note(&self, what: &'static str, why: &'static str, tell: impl FnOnce()) {
        let kind = (what, why);
        let now = Instant::now();
        let mut windows = self.lock();
        match windows.get_mut(&kind) {
            Some(window) if now < window.until => {
                window.more += 1;
                if !window.is_awaited {
                    // Without a runtime, as in a test of a pure part, the number is told with nothing.
                    window.is_awaited =
                        Handle::try_current().map(|handle| handle.spawn(self.clone().sum_up(kind))).is_ok();
                }
            }
            _ => {
                windows.insert(kind, Window { until: now + self.interval, more: 0, is_awaited: false });
                drop(windows);
                tell();
            }
        }
    }

    /// Tells the number at the end of each interval, until one has passed in which nothing happened.
    async fn sum_up(self, kind: Kind) {
        loop {
            let Some(until) = self.lock().get(&kind).map(|window| window.until) else { return };
            tokio::time::sleep_until(until).await;
            let Some(more) = self.close(kind) else { return };
            let ((what, why), seconds) = (kind, self.interval.as_secs());
            tracing::warn!(target: TARGET, event = what, reason = why, more, seconds, "the same again, and not told each time");
        }
    }

    /// Ends an interval: how often it happened in it, after which the next begins; `None` where it did not.
    fn close(&self, kind: Kind) -> Option<u64> {
        let mut windows = self.lock();
        let window = windows.get_mut(&kind)?;
        if window.more == 0 {
            windows.remove(&kind);
            return None;
        }
        window.until += self.interval;
        Some(std::mem::take(&mut window.more))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a filter of the log calls these lines.
pub const TARGET: &str = "streembit_agent::security";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const KIND: Kind = ("denied", "no grant");

    #[tokio::test]
    async fn a_flood_is_one_line_and_a_number_for_each_interval() {
        let (log, told) = (SecurityLog::default(), Cell::new(0));
        let flood = || {
            for _ in 0..1000 {
                log.note(KIND.0, KIND.1, || told.set(told.get() + 1));
            }
        };
        flood();
        assert_eq!(told.get(), 1);
        log.note("denied", "revoked", || told.set(told.get() + 1));
        assert_eq!(told.get(), 2, "another reason is another line");

        // The interval ends with a number, and the next begins without a line of its own.
        assert_eq!(log.close(KIND), Some(999));
        flood();
        assert_eq!(told.get(), 2);
        assert_eq!(log.close(KIND), Some(1000));

        // A quiet interval, and it is news again.
        assert_eq!(log.close(KIND), None);
        flood();
        assert_eq!(told.get(), 3);
    }

    #[tokio::test]
    async fn nothing_waits_once_it_is_quiet() {
        let log = SecurityLog { interval: Duration::from_millis(5), ..SecurityLog::default() };
        log.note(KIND.0, KIND.1, || {});
        log.note(KIND.0, KIND.1, || {});
        // The number is told at the end of the first interval, and the second one is empty.
        while !log.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(Arc::strong_count(&log.windows), 1, "the task has ended");
    }

    #[test]
    fn it_needs_no_runtime() {
        let (log, told) = (SecurityLog::default(), Cell::new(0));
        for _ in 0..3 {
            log.note("denied", "no grant", || told.set(told.get() + 1));
        }
        assert_eq!(told.get(), 1);
    }
}
