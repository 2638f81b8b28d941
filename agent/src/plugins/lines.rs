//! A plugin's lines in the agent's log.
//!
//! The host keeps its plugins to a rate; it is counted here as well, because a host may be in a plugin's hands.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use streembit_plugin_api::Name;
use streembit_plugin_host::Rate;
use streembit_plugin_host::boundary::{LOG_BURST, LOG_RATE, Level, MAX_LOG_LINE};

/// Lines at once. Twice what a host lets through: those that were late arrive together, and nothing of a plugin whose host
/// does its work is dropped here.
const BURST: u32 = 2 * LOG_BURST;

pub(super) struct Lines {
    plugin: Name,
    state: Mutex<State>,
}

struct State {
    rate: Rate,
    /// Dropped and not told yet.
    dropped: u32,
}

impl Lines {
    pub(super) fn new(plugin: Name) -> Self {
        let rate = Rate::new(LOG_RATE, BURST, Instant::now());
        Self { plugin, state: Mutex::new(State { rate, dropped: 0 }) }
    }

    /// What the plugin says, after which its host says that it dropped so many. Control characters could pretend to be lines
    /// of the agent.
    pub(super) fn said(&self, level: &Level, message: &str, dropped: u32) {
        let Some(dropped) = self.admit(Instant::now(), dropped) else { return };
        let plugin = self.plugin.as_str();
        let message = message[..message.floor_char_boundary(MAX_LOG_LINE)].escape_debug();
        match level {
            Level::Trace => tracing::trace!(plugin, dropped, "{message}"),
            Level::Debug => tracing::debug!(plugin, dropped, "{message}"),
            Level::Info => tracing::info!(plugin, dropped, "{message}"),
            Level::Warn => tracing::warn!(plugin, dropped, "{message}"),
            Level::Error => tracing::error!(plugin, dropped, "{message}"),
        }
    }

    /// It asked for a resource that is not granted. It can do so as often as it likes: this counts as a line of its own.
    pub(super) fn not_granted(&self, resource: &str) {
        let Some(dropped) = self.admit(Instant::now(), 0) else { return };
        tracing::warn!(plugin = self.plugin.as_str(), dropped, ?resource, "a resource that is not granted");
    }

    /// Its instance is gone: tells what no line is left to tell.
    pub(super) fn end(&self) {
        let dropped = std::mem::take(&mut self.state().dropped);
        if dropped > 0 {
            tracing::warn!(
                plugin = self.plugin.as_str(),
                dropped,
                "the last lines of a plugin came too fast"
            );
        }
    }

    /// Whether a line may be written now, and how many were dropped since the last one.
    fn admit(&self, now: Instant, dropped: u32) -> Option<u32> {
        let mut state = self.state();
        state.dropped = state.dropped.saturating_add(dropped);
        if !state.rate.take(now) {
            state.dropped = state.dropped.saturating_add(1);
            return None;
        }
        Some(std::mem::take(&mut state.dropped))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_and_each_line_of_it_counted_once() {
        let lines = Lines::new("door".parse().unwrap());
        let begun = Instant::now();
        let admitted = (0..10_000).filter(|_| lines.admit(begun, 0).is_some()).count();
        assert_eq!(admitted, BURST as usize);
        let later = begun + Duration::from_secs(1);
        assert_eq!(lines.admit(later, 5), Some(10_000 - BURST + 5));
        assert_eq!(lines.admit(later, 0), Some(0), "it was told already");
        let admitted = (0..10_000).filter(|_| lines.admit(later, 0).is_some()).count();
        assert!(admitted <= LOG_RATE as usize, "{admitted}");
    }
}
