//! How the instances of a plugin have ended without being told to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streembit_plugin_host::boundary::Ended;

/// One end: its kind for counting, and its words for people.
pub(super) struct End {
    kind: &'static str,
    pub(super) why: String,
}

impl End {
    /// As the host tells it; `None` where the host itself has ended.
    pub(super) fn of(ended: Option<&Ended>) -> Self {
        let kind = match ended {
            None => "host-ended",
            Some(Ended::Stopped) => "stopped",
            Some(Ended::Trapped { .. }) => "trapped",
            Some(Ended::CpuBudget) => "cpu-budget",
            Some(Ended::Deadline) => "deadline",
            Some(Ended::Refused { .. }) => "refused",
            Some(Ended::Unfit { .. }) => "unfit",
        };
        let why = ended.map_or_else(|| "the plugin host ended".to_owned(), ToString::to_string);
        Self { kind, why }
    }

    /// It did not come so far as to be the host's to tell of.
    pub(super) fn not_started(why: String) -> Self {
        Self { kind: "not-started", why }
    }
}

/// The ends of one plugin's instances since the agent's start.
#[derive(Default)]
pub(super) struct Ends(Mutex<State>);

#[derive(Default)]
struct State {
    counts: BTreeMap<&'static str, u64>,
    last: Option<(Instant, String)>,
}

/// The last end of a plugin's instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEnd {
    /// Why it ended.
    pub why: String,
    /// How long ago.
    pub ago: Duration,
}

impl Ends {
    pub(super) fn add(&self, end: &End) {
        let mut state = self.lock();
        *state.counts.entry(end.kind).or_default() += 1;
        state.last = Some((Instant::now(), end.why.clone()));
    }

    /// How often, by kind.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    pub(super) fn last(&self) -> Option<LastEnd> {
        self.lock().last.as_ref().map(|(at, why)| LastEnd { why: why.clone(), ago: at.elapsed() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_by_kind_and_the_last_is_remembered() {
        let ends = Ends::default();
        assert!(ends.last().is_none());
        let trapped = Ended::Trapped { what: "unreachable".to_owned() };
        ends.add(&End::of(Some(&trapped)));
        ends.add(&End::of(Some(&trapped)));
        ends.add(&End::not_started("no code".to_owned()));
        assert_eq!(ends.counts(), [("not-started", 1), ("trapped", 2)].into());
        assert_eq!(ends.last().unwrap().why, "no code");
        assert!(End::of(Some(&trapped)).why.contains("unreachable"));
        assert_eq!(End::of(None).kind, "host-ended");
    }
}
