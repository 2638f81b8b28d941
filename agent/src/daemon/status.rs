//! How the device is.

use std::sync::PoisonError;

use super::Core;
use crate::clock::Witness;
use crate::control::answer::{ConfigState, JournalState, Status};
use crate::journal::KeptHead;
use crate::things::Health;

impl Core {
    pub(super) fn status(&self) -> Status {
        let (device, now) = (&self.device, self.device.clock().now());
        let (rights, key) = (device.rights(), device.key().public());
        let things = device.things().all().into_iter().map(|(name, thing)| {
            let health = match thing.health() {
                Health::Running => "running".to_owned(),
                Health::Down(why) => why,
            };
            (name, health)
        });
        let refused =
            self.plugins.refused().into_iter().map(|(name, why)| (name, format!("cannot run: {why}")));
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: key.thumbprint(),
            account: key.account().as_str().to_owned(),
            name: self.config().name,
            claimed: rights.is_claimed(),
            pairing_open: device.pairing().is_open(now.monotonic),
            uptime: now.monotonic.saturating_sub(self.started).as_secs(),
            peer: Some(self.network.peer_id()),
            addresses: self.network.addresses(),
            clock: witness(device.clock().witness()).to_owned(),
            time: now.trusted.map(crate::clock::TrustedTime::unix),
            sessions: device.callers().count(),
            contacts: rights.contacts().count(),
            invitations: rights.invitations().count(),
            things: refused.chain(things).collect(),
            journal: JournalState {
                head: KeptHead(device.journal().head()).to_string(),
                trouble: device.journal().trouble(),
            },
            config: self.config_state(),
        }
    }

    /// The settings in force.
    pub(super) fn config(&self) -> crate::config::Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn config_state(&self) -> ConfigState {
        self.config_state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The word for who vouches for the time.
fn witness(witness: Witness) -> &'static str {
    match witness {
        Witness::Ntp => "ntp",
        Witness::Owner => "owner",
        Witness::Nobody => "nobody",
        Witness::BehindFloor => "behind-floor",
    }
}
