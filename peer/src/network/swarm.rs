//! What the engine is made of: a transport, limits and behaviours. A DHT, relays and hole punching are behaviours to add
//! here, each behind a `Toggle` and with its events handled in the driver.

use libp2p::identity::{Keypair, ecdsa};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour, Swarm};
use libp2p::{connection_limits, identify, memory_connection_limits, ping};
use streembit_keys::PrivateKey;
use tokio::sync::mpsc;

use super::gate::Gate;
use super::neighbours::Neighbours;
use super::{Limits, NetworkConfig, StartError, Stream, streams, transports};

/// All that `identify` says of the program, so that a crawler cannot tell versions apart.
const PROGRAM: &str = "streembit/1";

/// Streams of one connection that may be half open, over all protocols. Ours are two round trips in that state; ping and
/// identify need one each.
const HALF_OPEN_STREAMS: usize = 32;

/// What runs on every connection. The order matters: who may refuse comes first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviours {
    gate: Gate,
    memory: memory_connection_limits::Behaviour,
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    neighbours: Toggle<Neighbours>,
    pub(super) streams: streams::Behaviour,
}

/// Builds the engine; it does nothing until it is polled.
pub(super) fn build(
    config: &NetworkConfig,
    arrivals: mpsc::Sender<Stream>,
) -> Result<Swarm<Behaviours>, StartError> {
    let limits = &config.limits;
    let keypair = engine_key(&config.transport_key)?;
    let transport = transports::both(&keypair, limits)?;
    let peer = keypair.public().to_peer_id();
    let behaviours = behaviours(config, &keypair, arrivals)?;
    let engine = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits.idle)
        .with_max_negotiating_inbound_streams(HALF_OPEN_STREAMS);
    Ok(Swarm::new(transport, behaviours, peer, engine))
}

fn engine_key(key: &PrivateKey) -> Result<Keypair, StartError> {
    let scalar = key.to_scalar();
    let secret = ecdsa::SecretKey::try_from_bytes(scalar.as_slice())
        .map_err(|error| StartError::Transport(error.to_string()))?;
    Ok(ecdsa::Keypair::from(secret).into())
}

fn behaviours(
    config: &NetworkConfig,
    keypair: &Keypair,
    arrivals: mpsc::Sender<Stream>,
) -> Result<Behaviours, StartError> {
    let limits = &config.limits;
    let identity = identify::Config::new(PROGRAM.to_owned(), keypair.public())
        .with_agent_version(PROGRAM.to_owned())
        // Who may know where we listen is told in a session.
        .with_hide_listen_addrs(true)
        .with_cache_size(0);
    let probe = ping::Config::new().with_interval(limits.probe).with_timeout(limits.probe);
    let neighbours = match config.mdns {
        true => {
            let peer = keypair.public().to_peer_id();
            Some(Neighbours::new(peer, limits.nearby).map_err(StartError::Mdns)?)
        }
        false => None,
    };
    Ok(Behaviours {
        gate: Gate::new(limits.connections_an_ip),
        memory: memory_connection_limits::Behaviour::with_max_bytes(limits.memory),
        limits: connection_limits::Behaviour::new(connection_limits(limits)),
        identify: identify::Behaviour::new(identity),
        ping: ping::Behaviour::new(probe),
        neighbours: neighbours.into(),
        streams: streams::Behaviour::new(arrivals, limits),
    })
}

fn connection_limits(limits: &Limits) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending))
        .with_max_pending_outgoing(Some(limits.pending))
        // An eighth stays free for what we dial ourselves, however many come.
        .with_max_established_incoming(Some(limits.connections - limits.connections / 8))
        .with_max_established(Some(limits.connections))
        .with_max_established_per_peer(Some(limits.connections_a_peer))
}
