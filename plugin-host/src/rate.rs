//! How often something may happen.

use std::time::Instant;

/// A bucket of tokens that fills evenly: so many a second on the average, and as many at once.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Rate {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self { per_second: f64::from(per_second), burst, tokens: burst, at: now }
    }

    /// Whether it may happen now; if so, it counts.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn as_many_at_once_and_then_so_many_a_second() {
        let begun = Instant::now();
        let mut rate = Rate::new(10, 3, begun);
        let mut taken =
            |after: u64| (0..100).filter(|_| rate.take(begun + Duration::from_millis(after))).count();
        assert_eq!([taken(0), taken(99), taken(101), taken(60_000)], [3, 0, 1, 3]);
    }
}
