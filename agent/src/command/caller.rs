//! Who is calling: one open session, as the pipeline knows it.

use std::sync::Arc;
use std::time::Duration;

use streembit_keys::Thumbprint;
use streembit_peer::session::{SessionClock, SessionPeers};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::outbox::Outbox;

/// One open session.
///
/// It is named by a number that is never used again, and belongs to a contact, or to a stranger who may only pair.
pub struct Caller {
    pub(super) id: u64,
    peers: SessionPeers,
    contact: Thumbprint,
    source: Arc<str>,
    first_contact: bool,
    clock: SessionClock,
    since: Duration,
    outbox: Outbox,
    ended: CancellationToken,
    leaving: CancellationToken,
    tasks: TaskTracker,
}

/// What a finished handshake says of a caller.
pub struct Introduction {
    /// Who is in the session.
    pub peers: SessionPeers,
    /// Where it comes from, as far as the transport knows: for limits and for the log, never for access.
    pub source: Arc<str>,
    /// A stranger, let in to prove a secret.
    pub first_contact: bool,
    /// The caller's clock.
    pub clock: SessionClock,
    /// The device's monotonic time at the handshake.
    pub since: Duration,
}

impl Caller {
    pub(super) fn new(id: u64, introduction: Introduction) -> Self {
        let Introduction { peers, source, first_contact, clock, since } = introduction;
        let ended = CancellationToken::new();
        Self {
            id,
            contact: peers.remote.thumbprint(),
            peers,
            source,
            first_contact,
            clock,
            since,
            outbox: Outbox::of(ended.clone()),
            ended,
            leaving: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// The session's two accounts and its id.
    pub fn peers(&self) -> &SessionPeers {
        &self.peers
    }

    /// The other side's account.
    pub fn contact(&self) -> &Thumbprint {
        &self.contact
    }

    /// Where the session comes from.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Whether it was let in as a stranger.
    pub fn first_contact(&self) -> bool {
        self.first_contact
    }

    /// The time by the caller's own clock, when the device's monotonic clock shows `monotonic`.
    pub fn now(&self, monotonic: Duration) -> i64 {
        self.clock.after(monotonic.saturating_sub(self.since))
    }

    /// How old the session is.
    pub fn age(&self, monotonic: Duration) -> Duration {
        monotonic.saturating_sub(self.since)
    }

    /// What waits to be told.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Cancelled when the session is over: whatever works for it stops.
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Cancelled when the session takes no more requests: what is under way is still answered.
    pub fn leaving(&self) -> &CancellationToken {
        &self.leaving
    }

    /// Everything that works for this session.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}
