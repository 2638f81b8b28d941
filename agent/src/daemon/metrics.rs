//! What the running device shows of itself to a monitoring system.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use serde::Serialize;

use super::Core;
use crate::check::{Level, Point};
use crate::command::{MAX_SESSIONS, Places};
use crate::metrics::{HealthReport, Report};
use crate::session::Server;
use crate::things::Health;

/// The core and the server of sessions, which the core does not know.
pub(super) struct Reporter {
    pub(super) core: Arc<Core>,
    pub(super) server: Arc<Server>,
}

impl Report for Reporter {
    fn metrics(&self) -> String {
        self.core.metrics(&self.server)
    }

    fn health(&self) -> Pin<Box<dyn Future<Output = HealthReport> + Send + '_>> {
        Box::pin(async { health_of(&self.core.check_itself().await) })
    }
}

/// By the name of a plugin in the config, of which there are 64 at most.
type ByPlugin<M> = Family<Vec<(&'static str, String)>, M>;

impl Core {
    /// Everything that is counted, put together for whoever asks: nothing of it is kept until the next time.
    pub(super) fn metrics(&self, server: &Server) -> String {
        let mut registry = Registry::with_prefix("streembit");
        let own = &mut registry;
        own.register("agent", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let up = self.device.clock().monotonic().saturating_sub(self.started).as_secs();
        own.register_with_unit("uptime", "Since the agent's start", Unit::Seconds, gauge(up));
        self.sessions(server, own);
        self.device.counts().register(own);
        self.queues(own);
        self.storage(own);
        self.plugins(own);
        let trusted = self.device.clock().now().trusted.is_some();
        own.register("clock_trusted", "Whether something vouches for the time", gauge(u64::from(trusted)));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn sessions(&self, server: &Server, registry: &mut Registry) {
        server.register(registry);
        registry.register(
            "handshakes_under_way",
            "Handshakes that have not ended",
            gauge(server.handshakes()),
        );
        let open: Family<[(&'static str, &'static str); 1], Gauge> = Family::default();
        let Places { owners, contacts, strangers } = self.device.callers().places(&self.device.rights());
        for (whose, count) in [("owner", owners), ("contact", contacts), ("stranger", strangers)] {
            open.get_or_create(&[("whose", whose)]).set(number(count));
        }
        registry.register("sessions", "Open sessions, by whose places they take", open);
        registry.register("sessions_most", "How many sessions there may be", gauge(MAX_SESSIONS));
        registry.register(
            "network_connections",
            "Connections of the transport, with those of other peers",
            gauge(self.network.connections()),
        );
    }

    fn queues(&self, registry: &mut Registry) {
        let (mut subscriptions, mut ready) = (0, 0);
        for caller in self.device.callers().all() {
            let (has, waits) = caller.outbox().load();
            subscriptions += has;
            ready += waits;
        }
        registry.register(
            "subscriptions",
            "Properties and events that sessions listen to",
            gauge(subscriptions),
        );
        registry.register("subscriptions_waiting", "Of these, those with news not yet sent", gauge(ready));
        registry.register(
            "actions_running",
            "Actions that have not ended",
            gauge(self.device.actions().count_running()),
        );
        registry.register(
            "actions_unrecorded",
            "Ends of actions that the journal has not taken yet",
            gauge(self.device.actions().count_unrecorded()),
        );
        registry.register_with_unit(
            "long_answers",
            "Of long answers that their readers have not read",
            Unit::Bytes,
            gauge(self.device.long_answers().bytes()),
        );
    }

    fn storage(&self, registry: &mut Registry) {
        let journal = self.device.journal();
        journal.register(registry);
        let entries = Counter::<u64>::default();
        entries.inc_by(journal.head().seq);
        registry.register("journal_entries", "Entries since the device was made", entries);
        registry.register_with_unit(
            "journal",
            "Of the journal on the disk",
            Unit::Bytes,
            gauge(journal.size()),
        );
        let most = gauge(journal.settings().max_bytes);
        registry.register_with_unit("journal_most", "How many there may be", Unit::Bytes, most);
        let writable = journal.trouble().is_none();
        registry.register(
            "journal_writable",
            "Whether what happens can be recorded",
            gauge(u64::from(writable)),
        );
        registry.register(
            "answers_kept",
            "Answers kept for whoever asks again",
            gauge(journal.answers_kept()),
        );
        if let Some(free) = crate::check::free_bytes(&self.folder) {
            registry.register_with_unit(
                "storage_free",
                "On the data folder's disk",
                Unit::Bytes,
                gauge(free),
            );
        }
    }

    fn plugins(&self, registry: &mut Registry) {
        let (up, ends) = (ByPlugin::<Gauge>::default(), ByPlugin::<Counter>::default());
        for status in self.plugins.list() {
            let name = || ("plugin", status.instance.to_string());
            up.get_or_create(&vec![name()]).set(i64::from(status.health == Health::Running));
            for (why, count) in &status.ends {
                ends.get_or_create(&vec![name(), ("why", (*why).to_owned())]).inc_by(*count);
            }
        }
        for name in self.plugins.refused().into_keys() {
            up.get_or_create(&vec![("plugin", name)]).set(0);
        }
        registry.register("plugin_up", "Whether a plugin runs", up);
        registry.register("plugin_ends", "Instances that ended without being told to, and why", ends);
    }
}

fn gauge(value: impl TryInto<i64>) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(number(value));
    gauge
}

fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// Why the device is not well, or what somebody should look at.
#[derive(Serialize)]
struct Document<'a> {
    status: &'static str,
    reasons: Vec<&'a Point>,
}

/// Unwell is a device of which a point is bad: then it does not do all that it should.
fn health_of(points: &[Point]) -> HealthReport {
    let healthy = points.iter().all(|point| point.level != Level::Bad);
    let reasons = points.iter().filter(|point| point.level != Level::Ok).collect();
    let document = Document { status: if healthy { "ok" } else { "unwell" }, reasons };
    // Words and numbers only: it always serialises.
    HealthReport { healthy, document: serde_json::to_string(&document).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Diagnosis;

    #[test]
    fn a_warning_is_told_and_only_what_is_bad_makes_it_unwell() {
        let ok = Diagnosis::Agent.ok("it runs");
        let warning = Diagnosis::Clock.warning("nobody vouches", "Switch NTP on.");
        let bad = Diagnosis::Journal.bad("the disk is full", "Make room.");
        let well = health_of(std::slice::from_ref(&ok));
        assert_eq!((well.healthy, well.document.as_str()), (true, r#"{"status":"ok","reasons":[]}"#));
        let warned = health_of(&[ok.clone(), warning.clone()]);
        assert!(warned.healthy && warned.document.contains("nobody vouches"), "{warned:?}");
        let unwell = health_of(&[ok, bad, warning]);
        assert!(!unwell.healthy && unwell.document.contains(r#""code":6,"name":"journal""#), "{unwell:?}");
        assert!(!unwell.document.contains("it runs"), "{unwell:?}");
    }
}
