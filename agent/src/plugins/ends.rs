//! How the instances of a plugin have ended without being told to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streembit_plugin_host::boundary::Ended;

use super::thing::shown;

const HOST: &str = "the plugin host ended";

/// One end: its kind for counting, and its words for people.
pub(super) struct End {
    kind: &'static str,
    pub(super) why: String,
}

impl End {
    /// As the host tells it.
    pub(super) fn of(ended: &Ended) -> Self {
        let kind = match ended {
            Ended::Stopped => "stopped",
            Ended::Trapped { .. } => "trapped",
            Ended::CpuBudget => "cpu-budget",
            Ended::Deadline => "deadline",
            Ended::Refused { .. } => "refused",
            Ended::Unfit { .. } => "unfit",
        };
        Self { kind, why: shown(&ended.to_string()) }
    }

    /// The host itself has ended, for a reason that the agent has seen or not.
    pub(super) fn of_host(why: Option<&str>) -> Self {
        let why = why.map_or_else(|| HOST.to_owned(), |why| format!("{HOST}: {why}"));
        Self { kind: "host-ended", why }
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
        ends.add(&End::of(&trapped));
        ends.add(&End::of(&trapped));
        ends.add(&End::not_started("no code".to_owned()));
        assert_eq!(ends.counts(), [("not-started", 1), ("trapped", 2)].into());
        assert_eq!(ends.last().unwrap().why, "no code");
        assert!(End::of(&trapped).why.contains("unreachable"));
        assert_eq!(End::of_host(None).kind, "host-ended");
        assert_eq!(End::of_host(Some("why")).why, "the plugin host ended: why");
    }

    /// A host in a plugin's hands says what it likes, and it is kept until the next end.
    #[test]
    fn a_long_end_is_told_in_short_and_without_control_characters() {
        let long = End::of(&Ended::Trapped { what: "\n\u{1b}[2J".repeat(50_000) });
        assert!(long.why.len() < 1_000 && !long.why.contains(char::is_control), "{}", long.why);
    }
}
