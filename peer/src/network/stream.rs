//! One session's bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

use super::PeerName;

/// A stream to one peer: what is written arrives in order or not at all. It is encrypted between the two transport keys,
/// which is worth nothing to a session: that has keys of its own.
///
/// Dropping it closes it in both directions.
#[derive(Debug)]
pub struct Stream {
    inner: Compat<libp2p::Stream>,
    remote: PeerName,
    source: Arc<str>,
    /// The places that a stream opened by somebody else takes up.
    _places: Vec<OwnedSemaphorePermit>,
    /// Dropped last, when the engine no longer counts the stream.
    _end: End,
}

/// Wakes the connection when its stream has ended: the engine asks itself whether a connection is idle only when
/// something wakes it, and over QUIC nothing else would before the next probe.
#[derive(Debug)]
pub(super) struct End(pub(super) Arc<AtomicWaker>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl Stream {
    pub(super) fn new(
        inner: libp2p::Stream,
        remote: PeerName,
        source: Arc<str>,
        places: Vec<OwnedSemaphorePermit>,
        end: End,
    ) -> Self {
        Self { inner: inner.compat(), remote, source, _places: places, _end: end }
    }

    /// The transport peer that proved itself at the other end.
    pub fn remote(&self) -> PeerName {
        self.remote
    }

    /// The machine at the other end, as far as the network shows: its IP address, of IPv6 the subnet. This is what to
    /// count tries by; peer ids are free to make.
    pub fn source(&self) -> Arc<str> {
        Arc::clone(&self.source)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
