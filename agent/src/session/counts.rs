//! How handshakes end, for metrics.

use prometheus_client::registry::Registry;
use streembit_peer::wire::RespondError;

use super::SessionEnded;
use crate::metrics::By;

/// Counted since the agent's start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    handshakes: By,
}

impl Counts {
    pub(super) fn handshake(&self, outcome: &'static str) {
        self.handshakes.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("handshakes", "Handshakes by how they ended", self.handshakes.clone());
    }
}

impl SessionEnded {
    /// Why a handshake led to no session, in one word.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Handshake(RespondError::Silent(_)) => "not-welcome",
            Self::Handshake(RespondError::TimedOut) => "timed-out",
            Self::Handshake(RespondError::Frame(_)) | Self::Stream(_) => "broken-off",
            Self::TooManyHandshakes => "too-many",
            Self::Full(_) => "no-room",
            Self::Cut => "cut",
            Self::Channel(_) | Self::Hostile | Self::Stuck | Self::TooOld => "other",
        }
    }
}
