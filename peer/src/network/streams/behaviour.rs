//! Our protocol over all connections: which connection leads to which peer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Semaphore, mpsc};

use super::handler::{Handler, nothing};
use super::{Door, Open, Reply, Visitor};
use crate::network::gate::source_of;
use crate::network::{Limits, Stream};

/// Opens streams, and takes those that others open while there is room.
pub(in crate::network) struct Behaviour {
    door: Door,
    sessions_a_peer: usize,
    peers: HashMap<PeerId, Peer>,
    orders: VecDeque<(PeerId, ConnectionId, Open)>,
    waker: Option<Waker>,
}

struct Peer {
    places: Arc<Semaphore>,
    /// Oldest first.
    connections: Vec<ConnectionId>,
}

impl Behaviour {
    pub(in crate::network) fn new(arrivals: mpsc::Sender<Stream>, limits: &Limits) -> Self {
        Self {
            door: Door::new(arrivals, limits),
            sessions_a_peer: limits.sessions_a_peer,
            peers: HashMap::new(),
            orders: VecDeque::new(),
            waker: None,
        }
    }

    /// The connection to a peer that is most likely to be alive: the newest.
    pub(in crate::network) fn connection_to(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.peers.get(peer)?.connections.last().copied()
    }

    /// Opens a stream on a connection. Where that connection is gone by then, the reply is dropped.
    pub(in crate::network) fn open(&mut self, peer: PeerId, connection: ConnectionId, reply: Reply) {
        self.orders.push_back((peer, connection, Open(reply)));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&mut self, peer: PeerId, address: &Multiaddr) -> Handler {
        let room = self.sessions_a_peer;
        let places = &self
            .peers
            .entry(peer)
            .or_insert_with(|| Peer { places: Arc::new(Semaphore::new(room)), connections: Vec::new() })
            .places;
        let (door, places) = (self.door.clone(), places.clone());
        let source = source_of(address).map_or_else(|| peer.to_string(), |source| source.to_string());
        Handler::new(Visitor { peer, source: source.into(), door, places, waker: Arc::default() })
    }

    /// Forgets a peer that has no connection.
    fn forget(&mut self, peer: Option<PeerId>) {
        if let Some(peer) = peer
            && self.peers.get(&peer).is_some_and(|known| known.connections.is_empty())
        {
            self.peers.remove(&peer);
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer, remote))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, .. }) => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    peer.connections.push(connection_id);
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    peer.connections.retain(|known| *known != connection_id);
                }
                self.forget(Some(peer_id));
            }
            // A handler was made, and then another behaviour denied the connection.
            FromSwarm::DialFailure(DialFailure { peer_id, .. }) => self.forget(peer_id),
            FromSwarm::ListenFailure(ListenFailure { peer_id, .. }) => self.forget(peer_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        nothing(event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.orders.pop_front() {
            Some((peer_id, connection, event)) => Poll::Ready(ToSwarm::NotifyHandler {
                peer_id,
                handler: NotifyHandler::One(connection),
                event,
            }),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
