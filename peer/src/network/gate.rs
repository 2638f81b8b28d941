//! How many connections one machine may have, whatever peer ids it makes up. (The gate of a private network, which
//! knows its members, belongs here too.)

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::util::unreachable;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::{ConnectionClosed, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};

/// Counts what comes in, from the first byte of the handshake to the end of the connection.
pub(super) struct Gate {
    most: u32,
    sources: HashMap<IpAddr, u32>,
    /// Bounded by the limits on pending and established connections.
    inside: HashMap<ConnectionId, IpAddr>,
}

/// One source has all the connections that it may have.
#[derive(Debug)]
struct Crowded(IpAddr);

impl Gate {
    pub(super) fn new(most: u32) -> Self {
        Self { most, sources: HashMap::new(), inside: HashMap::new() }
    }

    fn enter(&mut self, connection: ConnectionId, source: IpAddr) -> Result<(), Crowded> {
        let count = self.sources.entry(source).or_default();
        if *count >= self.most {
            return Err(Crowded(source));
        }
        *count += 1;
        self.inside.insert(connection, source);
        Ok(())
    }

    fn leave(&mut self, connection: ConnectionId) {
        let Some(source) = self.inside.remove(&connection) else { return };
        if let Some(count) = self.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// The machine behind an address: all of an IPv6 subnet is one, since a machine has as many addresses there as it wants.
pub(super) fn source_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(host) => Some(host.into()),
        Protocol::Ip6(host) => {
            let subnet = u128::from(host) & (u128::MAX << 64);
            Some(std::net::Ipv6Addr::from(subnet).into())
        }
        _ => None,
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match source_of(remote) {
            Some(source) => self.enter(connection, source).map_err(ConnectionDenied::new),
            None => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. })
            | FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.leave(connection_id)
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        unreachable(event);
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

impl std::error::Error for Crowded {}

impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has as many connections as one source may", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> IpAddr {
        source_of(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn one_source_is_held_to_its_limit_and_others_are_not() {
        let mut gate = Gate::new(2);
        let ids: Vec<_> = (0..4).map(ConnectionId::new_unchecked).collect();
        let (a, b) = (source("/ip4/192.0.2.1/tcp/1"), source("/ip4/192.0.2.2/tcp/1"));
        assert!(gate.enter(ids[0], a).is_ok());
        assert!(gate.enter(ids[1], a).is_ok());
        assert!(gate.enter(ids[2], a).is_err());
        assert!(gate.enter(ids[3], b).is_ok());

        gate.leave(ids[2]);
        assert!(gate.enter(ids[2], a).is_err(), "one that never entered frees nothing");
        gate.leave(ids[0]);
        assert!(gate.enter(ids[2], a).is_ok());

        for id in ids {
            gate.leave(id);
        }
        assert!(gate.sources.is_empty() && gate.inside.is_empty());
    }

    #[test]
    fn the_addresses_of_one_subnet_are_one_source() {
        assert_eq!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8::ffff:2/udp/9/quic-v1"));
        assert_ne!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_ne!(source("/ip4/192.0.2.1/tcp/1"), source("/ip4/192.0.2.2/tcp/1"));
    }
}
