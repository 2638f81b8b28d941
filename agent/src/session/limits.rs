//! How fast sessions may come and requests may follow.

use std::time::Duration;

use streembit_peer::session::RENEW_AFTER;

/// How much a device takes from outside. The defaults carry their reasons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Handshakes under way at once. One costs about a millisecond of CPU and waits for the other side.
    pub handshakes: usize,
    /// Of these, from one source: as many as one contact may have sessions, which may all come back at once after the
    /// device was away.
    pub handshakes_at_once_of_a_source: usize,
    /// Handshakes a second from one source, and how many may come at once: a script that dials for every command.
    pub handshakes_of_a_source: Rate,
    /// Requests a second in one session. More than a small device answers, so it only stops a caller whose cheap
    /// requests (unknown names, expired ones) would crowd out the others. Who is faster is read more slowly.
    pub requests: Rate,
    /// How long a stranger who was let in for pairing may stay a stranger.
    pub stranger: Duration,
    /// How old a session may get, counted from its handshake.
    pub oldest: Duration,
}

/// So many a second, after so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// In the long run.
    pub a_second: f64,
    /// At once.
    pub burst: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Eight sources with all of theirs, for ten seconds at most.
            handshakes: 64,
            handshakes_at_once_of_a_source: 8,
            handshakes_of_a_source: Rate { a_second: 5.0, burst: 50.0 },
            requests: Rate { a_second: 10_000.0, burst: 10_000.0 },
            stranger: Duration::from_secs(60),
            oldest: RENEW_AFTER,
        }
    }
}

/// What is left of a [`Rate`]: filled with time, emptied by use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: Rate,
    left: f64,
    at: Duration,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now: Duration) -> Self {
        Self { rate, left: rate.burst, at: now }
    }

    /// Takes one, or says how long it is until there is one.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate.a_second).min(self.rate.burst);
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / self.rate.a_second.max(0.001)))
    }

    pub(super) fn is_full(&self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left + passed * self.rate.a_second >= self.rate.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_taken_and_then_the_rate_holds() {
        let mut bucket = Bucket::new(Rate { a_second: 2.0, burst: 3.0 }, SECOND);
        for _ in 0..3 {
            assert_eq!(bucket.take(SECOND), Ok(()));
        }
        assert_eq!(bucket.take(SECOND), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(SECOND + Duration::from_millis(500)), Ok(()));
        assert!(bucket.take(SECOND + Duration::from_millis(500)).is_err());
    }
}
