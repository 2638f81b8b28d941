//! Bytes between two programs that know each other's transport keys: rust-libp2p behind a small interface.
//!
//! [`Network::start`] listens and gives two halves: the [`Network`], which [dials](Network::dial), and [`Incoming`],
//! which yields the [`Stream`]s that others opened. One session is one stream of the protocol `/streembit/session/1`.
//! Everything that a stranger can make grow is bounded by [`Limits`], and beyond them refused at once: a full program
//! says so instead of letting its callers wait.
//!
//! What the network says is a hint and no more: a peer id proves that one transport key is at the other end, and a
//! transport key is nobody's account. Who may do what is decided in the session, which does not trust this module.
//! `identify` and mDNS tell the transport's peer id, its addresses and `streembit/1`; nothing of an account.
//!
//! No type of the engine is in a public signature. Inside, `driver` owns the engine's swarm as its one task; `swarm`
//! says which behaviours it has, and is where a DHT, relays or the gate of a private network would be added; `streams` is
//! our protocol; `transports` is TCP and QUIC; `gate` counts connections by source; `neighbours` is mDNS; `dial` chooses the order of addresses.

mod dial;
mod driver;
mod error;
mod gate;
mod limits;
mod neighbours;
mod stream;
mod streams;
mod swarm;
#[cfg(test)]
mod tests;
mod transports;

use std::sync::Arc;

use streembit_keys::PrivateKey;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::address::{Address, AddressError, ListenAddress, MAX_ADDRESS_LENGTH, PeerName};
pub use error::{Attempt, DialError, Failure, StartError};
pub use limits::Limits;
pub use stream::Stream;

/// What a network is started with.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The transport key; never the account's.
    pub transport_key: PrivateKey,
    /// Where to listen. Nothing here means that this program only dials.
    pub listen: Vec<ListenAddress>,
    /// Whether to find neighbours by mDNS, and be found.
    pub mdns: bool,
    /// How much of anything strangers may use.
    pub limits: Limits,
}

/// The half that dials. Clones are handles to the same network, which ends when [`Network::shutdown`] is called or the
/// last handle is dropped.
#[derive(Debug, Clone)]
pub struct Network(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: PeerName,
    limits: Limits,
    commands: mpsc::Sender<driver::Attempt>,
    listening: watch::Receiver<Vec<Address>>,
    nearby: watch::Receiver<Vec<Address>>,
    connections: watch::Receiver<u32>,
    probes: mpsc::Sender<oneshot::Sender<()>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The half that yields what others opened. While it is not asked, [`Limits::waiting`] streams queue up and the next
/// ones are refused; once it is dropped, all are.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Stream>);

impl Network {
    /// Starts listening; when this returns, [`Network::addresses`] are real. Needs a tokio runtime.
    pub async fn start(config: NetworkConfig) -> Result<(Self, Incoming), StartError> {
        let (arrivals, incoming) = mpsc::channel(config.limits.waiting.max(1));
        // Whoever dials waits for a place; 32 is what one wave of addresses fills.
        let (commands, orders) = mpsc::channel(32);
        let (driver, views) = driver::Driver::start(&config, arrivals, orders).await?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(driver.run(stop.clone()));
        tasks.close();
        let shared = Shared {
            name: views.name,
            limits: config.limits,
            commands,
            listening: views.listening,
            nearby: views.nearby,
            connections: views.connections,
            probes: views.probes,
            stop,
            tasks,
        };
        Ok((Self(Arc::new(shared)), Incoming(incoming)))
    }

    /// Opens a stream to a peer known by some addresses, over a connection that is there already if there is one. The
    /// addresses are raced, TCP first, each next one when the last has failed or been silent for a moment; the first
    /// peer that proves its id and takes the session wins.
    pub async fn dial(&self, addresses: &[Address]) -> Result<Stream, DialError> {
        dial::race(&self.0.commands, addresses, &self.0.limits).await
    }

    /// Where this program can be dialled, as far as its own sockets show: real ports, real interfaces.
    pub fn addresses(&self) -> Vec<Address> {
        self.0.listening.borrow().clone()
    }

    /// The name of this program's transport key.
    pub fn peer_id(&self) -> PeerName {
        self.0.name
    }

    /// What mDNS has found and not lost again: hints, which anybody on the local network can forge.
    pub fn nearby(&self) -> Vec<Address> {
        self.0.nearby.borrow().clone()
    }

    /// How many connections there are just now, in both directions.
    pub fn connections(&self) -> u32 {
        *self.0.connections.borrow()
    }

    /// Whether the task that owns the engine comes round to its next piece of work. Never resolves while it is stuck;
    /// `false` once it has ended.
    pub async fn answers(&self) -> bool {
        let (reply, answered) = oneshot::channel();
        self.0.probes.send(reply).await.is_ok() && answered.await.is_ok()
    }

    /// Closes every connection and listener and returns when nothing of this network runs any more.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.wait().await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Incoming {
    /// The next stream that somebody opened; `None` once the network is shut down.
    pub async fn next(&mut self) -> Option<(PeerName, Stream)> {
        let stream = self.0.recv().await?;
        Some((stream.remote(), stream))
    }
}
