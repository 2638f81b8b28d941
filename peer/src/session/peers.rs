//! What a handshake establishes.

use std::time::Duration;

use streembit_keys::{PublicKey, Thumbprint};

use super::{Opener, Sealer};
use crate::encoded::base64_bytes;

base64_bytes!(
    /// The name of a session: SHA-256(M1‖M2). It is not a secret.
    Sid,
    32,
    "session id"
);

/// Who is in a session: what every message in it is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPeers {
    /// This side's account.
    pub local: Thumbprint,
    /// The other side's account.
    pub remote: PublicKey,
    /// The session.
    pub sid: Sid,
}

/// A session whose handshake is complete.
#[derive(Debug)]
pub struct Established {
    /// Seals what this side sends.
    pub sealer: Sealer,
    /// Opens what the other side sends.
    pub opener: Opener,
    /// Who is in it.
    pub peers: SessionPeers,
    /// The other side's clock.
    pub peer_clock: SessionClock,
    /// This side's clock, as the other side knows it.
    pub own_clock: SessionClock,
    /// On the responder: the other side is no contact, and was let in because a pairing is open. On the initiator: this side
    /// asked for a pairing.
    pub first_contact: bool,
    /// How often the device that was dialled was made anew out of a backup, as it says and has signed.
    pub generation: u32,
}

/// A clock as its owner's last handshake message showed it, in seconds since 1970.
///
/// Neither side needs to know the right time: what a request says about time is judged by its own caller's clock, carried on
/// with the monotonic clock of the judge. A wall clock that is set while the session is open changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionClock {
    at_handshake: i64,
}

impl SessionClock {
    pub(super) fn showing(now: i64) -> Self {
        Self { at_handshake: now }
    }

    /// What it shows when `elapsed` (of the monotonic clock) has passed since the handshake.
    ///
    /// For the other side's clock this errs by the time that the last handshake message took: it is behind, never ahead.
    pub fn after(&self, elapsed: Duration) -> i64 {
        self.at_handshake.saturating_add_unsigned(elapsed.as_secs())
    }

    /// How far it is ahead of a clock that showed `now` at the handshake, in seconds.
    pub fn offset(&self, now: i64) -> i64 {
        self.at_handshake.saturating_sub(now)
    }
}
