//! Everything that a stranger could make grow, and how far it may.

use std::time::Duration;

/// The bounds of one network. The defaults suit a small device; a test narrows what it tests.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all, both directions. A device serves a household or a shop floor, not a crowd.
    pub connections: u32,
    /// Connections of one peer id: a person may run some one-shot commands beside the program that stays.
    pub connections_a_peer: u32,
    /// Connections, established or in handshake, from one IP address: so that one machine alone, with as many peer ids
    /// as it likes, cannot take every place.
    pub connections_an_ip: u32,
    /// Handshakes under way at once in each direction. One costs this device about 2 ms.
    pub pending: u32,
    /// Sessions (streams) in all that others opened.
    pub sessions: usize,
    /// Sessions that one peer opened.
    pub sessions_a_peer: usize,
    /// Sessions opened by others that wait for [`super::Incoming::next`]; beyond that the next is refused.
    pub waiting: usize,
    /// Resident memory beyond which no further connection is taken.
    pub memory: usize,
    /// How long one connection's handshake may take.
    pub handshake: Duration,
    /// How long [`super::Network::dial`] may take in all.
    pub dial: Duration,
    /// A connection without a session is closed after this long.
    pub idle: Duration,
    /// A connection is probed this often, and closed when the probe gets no answer for as long again.
    pub probe: Duration,
    /// How many addresses one dial takes.
    pub addresses_a_dial: usize,
    /// How many neighbours found by mDNS are kept.
    pub nearby: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            connections_a_peer: 8,
            connections_an_ip: 48,
            pending: 32,
            sessions: 64,
            sessions_a_peer: 16,
            waiting: 16,
            memory: 256 << 20,
            handshake: Duration::from_secs(8),
            dial: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            probe: Duration::from_secs(15),
            addresses_a_dial: 16,
            nearby: 256,
        }
    }
}
