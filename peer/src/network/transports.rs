//! TCP with Noise and Yamux, and QUIC, as one transport whose errors say what the system said.

use std::fmt;
use std::io;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::transport::timeout::{TransportTimeout, TransportTimeoutError};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport as _, noise, quic, tcp, yamux};

use super::{Failure, Limits, StartError};

/// Streams of one connection in all. The engine's default of 512 with windows of 256 KiB would let one peer
/// park 128 MiB with us.
const STREAMS: u32 = 64;

/// Unread bytes that a peer may park with us, a QUIC stream and a QUIC connection: some frames of 256 KiB, where the
/// engine's defaults are 10 and 15 MB.
const QUIC_STREAM_WINDOW: u32 = 512 << 10;
const QUIC_CONNECTION_WINDOW: u32 = 2 << 20;

/// Both transports. The peer id that comes out of either has been proven by its handshake.
pub(super) fn both(
    keypair: &Keypair,
    limits: &Limits,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let noise = noise::Config::new(keypair).map_err(|error| StartError::Transport(error.to_string()))?;
    // Small messages go out at once: a request is one write, and waits for nothing to fill a packet with.
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map_err(System)
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(multiplexer())
        .boxed();
    let quic = quic::tokio::Transport::new(bounded(quic::Config::new(keypair), limits))
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .map_err(quic_error)
        .boxed();
    let either =
        tcp.or_transport(quic).map(|either, _| either.into_inner()).map_err(|either| either.into_inner());
    let timed = TransportTimeout::new(either, limits.handshake).map_err(|error| match error {
        TransportTimeoutError::Other(error) | TransportTimeoutError::TimerError(error) => error,
        TransportTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
    });
    Ok(timed.boxed())
}

/// What the engine's error comes from. It wraps the system's error in several of its own, and an `io::Error` hides the
/// one that it wraps from `source`.
pub(super) fn failure_of(error: &io::Error) -> Failure {
    let mut current: &(dyn std::error::Error + 'static) = error;
    loop {
        let inner = match current.downcast_ref::<io::Error>() {
            Some(io) => match (io.kind(), io.get_ref()) {
                (io::ErrorKind::ConnectionRefused, _) => return Failure::NothingListens,
                (io::ErrorKind::TimedOut, _) => return Failure::Silent,
                (_, inner) => inner.map(|inner| inner as &(dyn std::error::Error + 'static)),
            },
            None => current.source(),
        };
        match inner {
            Some(inner) => current = inner,
            None => return Failure::Other(current.to_string()),
        }
    }
}

/// An error of the system, kept findable: the engine's `Either` shows only the source of what it holds.
#[derive(Debug)]
struct System(io::Error);

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for System {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn quic_error(error: quic::Error) -> io::Error {
    match error {
        quic::Error::Io(error) => error,
        quic::Error::HandshakeTimedOut => io::ErrorKind::TimedOut.into(),
        error => io::Error::other(error),
    }
}

fn multiplexer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(STREAMS as usize);
    config
}

fn bounded(mut quic: quic::Config, limits: &Limits) -> quic::Config {
    quic.handshake_timeout = limits.handshake;
    quic.max_concurrent_stream_limit = STREAMS;
    quic.max_stream_data = QUIC_STREAM_WINDOW;
    quic.max_connection_data = QUIC_CONNECTION_WINDOW;
    quic
}
