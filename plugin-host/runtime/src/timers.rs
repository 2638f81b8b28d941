//! The timers of an instance.
//!
//! They need nothing of the agent, so they live here. Nothing runs and nothing is queued for a timer: whoever looks after
//! the instance waits for the earliest, so what a plugin has of them is this map and its bound.

use std::collections::HashMap;
use std::time::Duration;

use streembit_plugin_host::boundary::IoError;
use tokio::time::Instant;

/// Timers at once. One counts until the plugin has taken its last tick.
const MAX_TIMERS: usize = 32;

/// Shortest period: a hundred wake-ups a second are enough for anything that a plugin should do itself.
const MIN_PERIOD: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(crate) struct Timers(HashMap<u32, Timer>);

#[derive(Clone, Copy)]
struct Timer {
    due: Instant,
    period: Option<Duration>,
}

impl Timers {
    pub(crate) fn start(
        &mut self,
        source: u32,
        delay: Duration,
        period: Option<Duration>,
    ) -> Result<(), IoError> {
        if self.0.len() >= MAX_TIMERS {
            return Err(IoError::Quota { what: format!("{MAX_TIMERS} timers at once") });
        }
        if period.is_some_and(|period| period < MIN_PERIOD) {
            return Err(IoError::Unsupported { what: format!("a period below {MIN_PERIOD:?}") });
        }
        self.0.insert(source, Timer { due: Instant::now() + delay, period });
        Ok(())
    }

    pub(crate) fn cancel(&mut self, source: u32) {
        self.0.remove(&source);
    }

    /// The next tick, which the plugin gets now. One that had to wait for the plugin has absorbed those after it.
    pub(crate) async fn tick(&mut self) -> u32 {
        let first = self.0.iter().min_by_key(|(source, timer)| (timer.due, **source));
        let Some((source, timer)) = first.map(|(source, timer)| (*source, *timer)) else {
            // A timer is started by the plugin, and this is asked anew after each of its calls.
            return std::future::pending().await;
        };
        tokio::time::sleep_until(timer.due).await;
        match timer.period {
            Some(period) => {
                let (next, now) = (timer.due + period, Instant::now());
                let due = if next > now { next } else { now + period };
                self.0.insert(source, Timer { due, ..timer });
            }
            None => self.cancel(source),
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    async fn ticks_at_once(timers: &mut Timers) -> Vec<u32> {
        let mut ticks = Vec::new();
        while let Ok(tick) = tokio::time::timeout(Duration::ZERO, timers.tick()).await {
            ticks.push(tick);
        }
        ticks
    }

    #[tokio::test]
    async fn a_timer_counts_until_its_last_tick_is_taken() {
        let mut timers = Timers::default();
        let started = (0..100).filter(|source| timers.start(*source, Duration::ZERO, None).is_ok());
        assert_eq!(started.count(), MAX_TIMERS);
        tokio::time::sleep(SOON).await;
        assert!(timers.start(100, Duration::ZERO, None).is_err(), "due, and not taken");
        let taken = timers.tick().await;
        timers.start(100, Duration::ZERO, None).unwrap();
        tokio::time::sleep(SOON).await;
        assert_eq!(ticks_at_once(&mut timers).await.len(), MAX_TIMERS);
        assert!(timers.0.is_empty() && taken < 100);
    }

    #[tokio::test]
    async fn a_tick_that_waited_absorbs_those_after_it_and_a_cancelled_timer_has_none() {
        let mut timers = Timers::default();
        assert!(timers.start(0, Duration::ZERO, Some(SOON)).is_err());
        timers.start(1, Duration::ZERO, Some(MIN_PERIOD)).unwrap();
        timers.start(2, Duration::ZERO, None).unwrap();
        tokio::time::sleep(5 * MIN_PERIOD).await;
        timers.cancel(2);
        let before = Instant::now();
        assert_eq!(timers.tick().await, 1);
        assert!(timers.0[&1].due >= before + MIN_PERIOD, "four more waited with it");
        assert_eq!(timers.0.len(), 1);
    }
}
