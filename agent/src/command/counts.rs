//! What the commands of this device came to, for metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use streembit_peer::message::{Operation, ProblemCode};

use crate::metrics::{By, ByTwo};

/// Counted since the agent's start. All words are the program's own.
#[derive(Debug, Default)]
pub struct Counts {
    commands: ByTwo,
    denials: By,
    alarms: By,
    notifications: Counter,
    missed: Counter,
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CameTo {
    Done,
    /// An action that runs on.
    Pending,
    /// It was done before, and was answered again.
    Repeated,
    Problem(ProblemCode),
}

impl CameTo {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Pending => "pending",
            Self::Repeated => "repeated",
            Self::Problem(code) => code.as_str(),
        }
    }
}

impl Counts {
    /// A command was answered. Where its operation could not be read, it has none.
    pub(super) fn command(&self, op: Option<Operation>, came_to: CameTo) {
        let op = op.map_or("none", Operation::as_str);
        self.commands.get_or_create(&[("operation", op), ("outcome", came_to.as_str())]).inc();
    }

    /// Something was denied, for a reason that its caller does not learn.
    pub(super) fn denial(&self, reason: &'static str) {
        self.denials.get_or_create(&[("reason", reason)]).inc();
    }

    /// Owners who listen are told of something.
    pub(crate) fn alarm(&self, what: &'static str) {
        self.alarms.get_or_create(&[("event", what)]).inc();
    }

    /// A subscriber was sent news, and that it missed so many before.
    pub(super) fn notification(&self, missed: u64) {
        self.notifications.inc();
        self.missed.inc_by(missed);
    }

    /// Adds them to what is shown.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "commands",
            "Commands by operation and by what they came to",
            self.commands.clone(),
        );
        registry.register(
            "denials",
            "What was refused, by the reason that the ring of denials has",
            self.denials.clone(),
        );
        registry.register("alarms", "What owners should know of, by its event", self.alarms.clone());
        registry.register("notifications", "News sent to subscribers", self.notifications.clone());
        registry.register(
            "notifications_missed",
            "News that a slow subscriber was told it missed",
            self.missed.clone(),
        );
    }
}
