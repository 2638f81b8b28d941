//! The one task that owns the engine.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::core::transport::TransportError;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{self, ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, mdns, ping};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::streams::Reply;
use super::swarm::{Behaviours, BehavioursEvent, build};
use super::{Address, Failure, ListenAddress, NetworkConfig, PeerName, StartError, Stream, transports};

/// How long a start waits for a listener on all interfaces to name the first; with no interface up there is none.
const FIRST_ADDRESS: Duration = Duration::from_millis(500);
/// How long a shutdown waits for the other ends to see an orderly close.
const GOODBYE: Duration = Duration::from_secs(1);
/// How many addresses of one neighbour are kept: a machine with both transports and four interfaces.
const ADDRESSES_A_NEIGHBOUR: usize = 8;

/// One try to get a stream to a peer.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) peer: PeerId,
    pub(super) way: Way,
    pub(super) reply: Reply,
}

/// How to get there.
#[derive(Debug)]
pub(super) enum Way {
    /// Over a connection that is there; without one the reply is dropped.
    Connection,
    /// By a new connection to this address.
    Dial(Multiaddr),
}

/// What the rest of the network can look at.
pub(super) struct Views {
    pub(super) name: PeerName,
    pub(super) listening: watch::Receiver<Vec<Address>>,
    pub(super) nearby: watch::Receiver<Vec<Address>>,
    pub(super) connections: watch::Receiver<u32>,
    pub(super) probes: mpsc::Sender<oneshot::Sender<()>>,
}

pub(super) struct Driver {
    swarm: Swarm<Behaviours>,
    orders: mpsc::Receiver<Attempt>,
    /// Who wants to know whether this task comes round.
    probes: mpsc::Receiver<oneshot::Sender<()>>,
    /// Bounded by the engine's limit of pending connections.
    dialling: HashMap<ConnectionId, Reply>,
    listening: watch::Sender<Vec<Address>>,
    nearby: watch::Sender<Vec<Address>>,
    connections: watch::Sender<u32>,
    most_nearby: usize,
}

impl Driver {
    /// Starts to listen everywhere and waits until the addresses are known.
    pub(super) async fn start(
        config: &NetworkConfig,
        arrivals: mpsc::Sender<Stream>,
        orders: mpsc::Receiver<Attempt>,
    ) -> Result<(Self, Views), StartError> {
        let swarm = build(config, arrivals)?;
        let (listening, listening_view) = watch::channel(Vec::new());
        let (nearby, nearby_view) = watch::channel(Vec::new());
        let (connections, connections_view) = watch::channel(0);
        // One question at a time.
        let (asks, probes) = mpsc::channel(1);
        let views = Views {
            name: PeerName::new(*swarm.local_peer_id()),
            listening: listening_view,
            nearby: nearby_view,
            connections: connections_view,
            probes: asks,
        };
        let most_nearby = config.limits.nearby;
        let mut driver = Self {
            swarm,
            orders,
            probes,
            dialling: HashMap::new(),
            listening,
            nearby,
            connections,
            most_nearby,
        };
        driver.listen(&config.listen).await?;
        Ok((driver, views))
    }

    async fn listen(&mut self, addresses: &[ListenAddress]) -> Result<(), StartError> {
        let mut silent = HashMap::new();
        for address in addresses {
            let listener = self
                .swarm
                .listen_on(address.multiaddr().clone())
                .map_err(|error| StartError::Listen { address: address.clone(), source: io_error(error) })?;
            silent.insert(listener, address);
        }
        let deadline = tokio::time::Instant::now() + FIRST_ADDRESS;
        while !silent.is_empty() {
            let Ok(event) = tokio::time::timeout_at(deadline, self.swarm.select_next_some()).await else {
                tracing::warn!("listening, but on no interface yet");
                break;
            };
            match &event {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    silent.remove(listener_id);
                }
                SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. } => {
                    if let Some(address) = silent.remove(listener_id) {
                        let source = std::io::Error::new(error.kind(), error.to_string());
                        return Err(StartError::Listen { address: address.clone(), source });
                    }
                }
                _ => {}
            }
            self.on_event(event);
        }
        Ok(())
    }

    /// Runs until it is told to stop or nobody holds the network any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                order = self.orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => break,
                },
                Some(probe) = self.probes.recv() => drop(probe.send(())),
                event = self.swarm.select_next_some() => self.on_event(event),
            }
        }
        self.close().await;
    }

    fn on_order(&mut self, Attempt { peer, way, reply }: Attempt) {
        if peer == *self.swarm.local_peer_id() {
            let _ = reply.send(Err(Failure::Ourselves));
            return;
        }
        match way {
            Way::Connection => {
                let streams = &mut self.swarm.behaviour_mut().streams;
                if let Some(connection) = streams.connection_to(&peer) {
                    streams.open(peer, connection, reply);
                }
            }
            Way::Dial(address) => {
                // One dial of the engine for each address: it gives up all addresses of a dial when the fastest one
                // turns out to be somebody else's, so a forged hint could hide a right one.
                let options =
                    DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(vec![address]).build();
                let connection = options.connection_id();
                match self.swarm.dial(options) {
                    Ok(()) => {
                        self.dialling.insert(connection, reply);
                    }
                    Err(error) => {
                        let _ = reply.send(Err(failure_of(&error)));
                    }
                }
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehavioursEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                self.publish_connections();
                let Some(reply) = self.dialling.remove(&connection_id) else { return };
                if reply.is_closed() {
                    // Another address won the race.
                    self.swarm.close_connection(connection_id);
                } else {
                    self.swarm.behaviour_mut().streams.open(peer_id, connection_id, reply);
                }
            }
            SwarmEvent::ConnectionClosed { .. } => self.publish_connections(),
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(reply) = self.dialling.remove(&connection_id) {
                    let _ = reply.send(Err(failure_of(&error)));
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "a connection did not come in");
            }
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ListenerClosed { .. } => self.publish_addresses(),
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has a problem"),
            SwarmEvent::Behaviour(BehavioursEvent::Ping(ping::Event {
                connection,
                result: Err(ping::Failure::Timeout | ping::Failure::Other { .. }),
                ..
            })) => {
                // The engine only reports it. A peer that vanished must not keep sessions open.
                self.swarm.close_connection(connection);
            }
            SwarmEvent::Behaviour(BehavioursEvent::Neighbours(event)) => self.on_neighbours(event),
            _ => {}
        }
    }

    fn publish_addresses(&self) {
        let peer = *self.swarm.local_peer_id();
        let routes = self.swarm.listeners().filter_map(|route| Address::new(route.clone(), peer).ok());
        let mut real: Vec<Address> = routes.collect();
        // The engine keeps them in no order.
        real.sort_by_cached_key(|address| (address.transport(), address.to_string()));
        self.listening.send_replace(real);
    }

    fn publish_connections(&self) {
        self.connections.send_replace(self.swarm.network_info().connection_counters().num_established());
    }

    fn on_neighbours(&self, event: mdns::Event) {
        let (found, entries) = match event {
            mdns::Event::Discovered(entries) => (true, entries),
            mdns::Event::Expired(entries) => (false, entries),
        };
        self.nearby.send_if_modified(|known| {
            let before = known.len();
            for address in entries.into_iter().filter_map(|(peer, route)| neighbour(peer, route)) {
                if !found {
                    known.retain(|entry| *entry != address);
                } else if has_room(known, &address, self.most_nearby) {
                    known.push(address);
                }
            }
            known.len() != before
        });
    }

    /// Closes what is open, so that the other ends need no timeout to see it.
    async fn close(mut self) {
        self.orders.close();
        self.dialling.clear();
        let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            // Fails only where the connection is gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closed = async {
            while self.swarm.network_info().connection_counters().num_established() > 0 {
                self.swarm.select_next_some().await;
                self.publish_connections();
            }
        };
        if tokio::time::timeout(GOODBYE, closed).await.is_err() {
            tracing::debug!("some connections did not close in time and are dropped");
        }
    }
}

fn neighbour(peer: PeerId, mut route: Multiaddr) -> Option<Address> {
    if matches!(route.iter().last(), Some(Protocol::P2p(_))) {
        route.pop();
    }
    Address::new(route, peer).ok()
}

fn has_room(known: &[Address], address: &Address, most: usize) -> bool {
    known.len() < most
        && !known.contains(address)
        && known.iter().filter(|entry| entry.peer() == address.peer()).count() < ADDRESSES_A_NEIGHBOUR
}

fn io_error(error: TransportError<std::io::Error>) -> std::io::Error {
    match error {
        TransportError::Other(error) => error,
        TransportError::MultiaddrNotSupported(address) => {
            std::io::Error::new(std::io::ErrorKind::Unsupported, address.to_string())
        }
    }
}

/// What the engine says of a dial to one address, in our words.
fn failure_of(error: &swarm::DialError) -> Failure {
    match error {
        swarm::DialError::WrongPeerId { .. } => Failure::WrongPeer,
        swarm::DialError::LocalPeerId { .. } => Failure::Ourselves,
        swarm::DialError::Denied { .. } => Failure::OwnLimit,
        swarm::DialError::Transport(errors) => match errors.first() {
            Some((_, TransportError::Other(error))) => transports::failure_of(error),
            _ => Failure::Other(error.to_string()),
        },
        _ => Failure::Other(error.to_string()),
    }
}
