//! Our protocol, `/streembit/session/1`: who asks for a stream is told yes or no, and what is taken is counted.
//!
//! The published `libp2p-stream` was looked at and left: it keeps a sender for every connection that ever was, has one
//! waiting place for all peers together, and a stream that finds it taken is closed without a word, so that a caller
//! cannot tell a busy device from a broken one. Here the listener answers each stream with one byte before anything
//! else: 1 for taken, 0 for refused. It costs no round trip, since the caller waits for the protocol's name anyway.

mod behaviour;
mod handler;
mod upgrade;

use std::sync::Arc;

use futures::task::AtomicWaker;
use libp2p::{PeerId, StreamProtocol};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Failure, Limits, Stream};
pub(super) use behaviour::Behaviour;

/// One session is one stream of this.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/streembit/session/1");

/// Where the outcome of one attempt to open a stream goes.
pub(super) type Reply = oneshot::Sender<Result<Stream, Failure>>;

/// A request to open a stream on one connection.
#[derive(Debug)]
pub(super) struct Open(pub(super) Reply);

/// What decides whether a stream that somebody opens is taken.
#[derive(Debug, Clone)]
pub(in crate::network) struct Door {
    arrivals: mpsc::Sender<Stream>,
    /// Places for all peers together.
    places: Arc<Semaphore>,
}

/// One connection of a peer at the door.
#[derive(Debug, Clone)]
pub(in crate::network) struct Visitor {
    peer: PeerId,
    source: Arc<str>,
    door: Door,
    /// Places of this peer, over all its connections.
    places: Arc<Semaphore>,
    /// Wakes this connection.
    waker: Arc<AtomicWaker>,
}

impl Door {
    fn new(arrivals: mpsc::Sender<Stream>, limits: &Limits) -> Self {
        Self { arrivals, places: Arc::new(Semaphore::new(limits.sessions)) }
    }
}
