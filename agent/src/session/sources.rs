//! How fast each source dials, and how many handshakes it has under way.
//!
//! A source is a machine as the transport knows it: keys and peer ids are free to make, addresses are not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::limits::{Bucket, Rate};

/// Sources that are remembered. The transport has limits of its own on connections from one address; this table only
/// has to outlast them.
const MAX_SOURCES: usize = 1024;

/// How fast each source dials.
pub(super) struct Sources {
    rate: Rate,
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

impl Sources {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Whether this source may start another handshake now.
    pub(super) fn may_dial(&self, source: &Arc<str>, now: Duration) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_SOURCES && !buckets.contains_key(source) {
            // Who has been quiet long enough has nothing to be remembered for.
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= MAX_SOURCES {
                return false;
            }
        }
        let bucket = buckets.entry(Arc::clone(source)).or_insert_with(|| Bucket::new(self.rate, now));
        bucket.take(now).is_ok()
    }
}

/// The handshakes under way. Nobody is authenticated in one, so a source may hold a few of them only.
pub(super) struct Handshakes {
    most: usize,
    most_of_a_source: usize,
    /// Sources without any are not in it, so it is as long as there are handshakes at most.
    under_way: Mutex<HashMap<Arc<str>, usize>>,
}

/// A place among the handshakes, given back on drop.
pub(super) struct UnderWay<'a> {
    handshakes: &'a Handshakes,
    source: Arc<str>,
}

impl Handshakes {
    pub(super) fn new(most: usize, most_of_a_source: usize) -> Self {
        Self { most, most_of_a_source, under_way: Mutex::default() }
    }

    /// A place, while there is one for this source.
    pub(super) fn begin(&self, source: &Arc<str>) -> Option<UnderWay<'_>> {
        let mut under_way = self.lock();
        let of_this = under_way.get(source).copied().unwrap_or(0);
        if of_this >= self.most_of_a_source || under_way.values().sum::<usize>() >= self.most {
            return None;
        }
        under_way.insert(Arc::clone(source), of_this + 1);
        Some(UnderWay { handshakes: self, source: Arc::clone(source) })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.handshakes.lock();
        if let Some(count) = under_way.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_source_is_slowed_and_another_is_not() {
        let sources = Sources::new(Rate { a_second: 1.0, burst: 1.0 });
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        assert!(sources.may_dial(&a, SECOND));
        assert!(!sources.may_dial(&a, SECOND));
        assert!(sources.may_dial(&b, SECOND));
        assert!(sources.may_dial(&a, 2 * SECOND));
    }

    #[test]
    fn the_table_of_sources_is_bounded_and_forgets_the_quiet_ones() {
        let sources = Sources::new(Rate { a_second: 1.0, burst: 1.0 });
        for i in 0..MAX_SOURCES {
            assert!(sources.may_dial(&Arc::from(i.to_string()), SECOND));
        }
        assert!(!sources.may_dial(&Arc::from("one more"), SECOND));
        assert!(sources.may_dial(&Arc::from("one more"), 3 * SECOND));
    }

    #[test]
    fn one_source_holds_its_own_handshakes_and_no_more() {
        let handshakes = Handshakes::new(3, 2);
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let first = handshakes.begin(&a).unwrap();
        let second = handshakes.begin(&a).unwrap();
        assert!(handshakes.begin(&a).is_none());
        let third = handshakes.begin(&b).unwrap();
        assert!(handshakes.begin(&b).is_none(), "there are as many as may be");
        drop(third);
        drop(first);
        assert!(handshakes.begin(&a).is_some());
        assert!(handshakes.begin(&b).is_some());
        drop(second);
        assert!(handshakes.lock().is_empty(), "who has none is not remembered");
    }
}
