//! What can go wrong, in terms of what the caller can do about it.

use std::fmt;
use std::time::Duration;

use super::{Address, PeerName};

/// Why no session could be opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The caller knows no address of the peer.
    #[error("no address to dial")]
    NoAddress,
    /// More addresses than [`super::Limits::addresses_a_dial`].
    #[error("{given} addresses to dial, where at most {most} are tried")]
    TooManyAddresses {
        /// How many were handed in.
        given: usize,
        /// How many are allowed.
        most: usize,
    },
    /// Every address failed, each for its own reason.
    #[error("unreachable: {}", listed(tried))]
    Unreachable {
        /// The addresses in the order in which they failed.
        tried: Vec<Attempt>,
    },
    /// The peer was there, proved its transport key, and took no session: it is busy, or it offers none.
    #[error("{peer} was reached and took no session: it is busy, or offers none")]
    Refused {
        /// Who refused.
        peer: PeerName,
    },
    /// Nothing answered in time.
    #[error("no answer within {} s: {}", after.as_secs_f32(), listed(tried))]
    TimedOut {
        /// The addresses that failed before, and those that were still silent.
        tried: Vec<Attempt>,
        /// How long was waited.
        after: Duration,
    },
    /// This network was shut down.
    #[error("the network is shut down")]
    Closed,
}

/// What happened at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub address: Address,
    /// Why it brought no session.
    pub failure: Failure,
}

/// Why one address brought no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing listens there.
    #[error("nothing listens there")]
    NothingListens,
    /// Nothing came back in time.
    #[error("no answer")]
    Silent,
    /// Somebody answered and proved another transport key. Either the address has a new holder or somebody is lying.
    #[error("another peer answers there")]
    WrongPeer,
    /// The address is this program's own.
    #[error("that is this program itself")]
    Ourselves,
    /// The peer took no session.
    #[error("took no session")]
    Refused,
    /// This program has as many connections as it allows itself.
    #[error("too many connections of our own")]
    OwnLimit,
    /// The connection was there and went away before the session was open.
    #[error("the connection was lost")]
    Lost,
    /// Another fault of the network, in its own words.
    #[error("{0}")]
    Other(String),
}

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address to listen on was refused by the system: taken, or not one of this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as it was configured.
        address: super::ListenAddress,
        /// What the system said.
        source: std::io::Error,
    },
    /// mDNS could not be started.
    #[error("cannot start mDNS: {0}")]
    Mdns(std::io::Error),
    /// The engine refused the transport key or its own configuration.
    #[error("cannot start the transports: {0}")]
    Transport(String),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.failure)
    }
}

fn listed(attempts: &[Attempt]) -> String {
    attempts.iter().map(Attempt::to_string).collect::<Vec<_>>().join(", ")
}
