//! The device's side of sessions: any byte stream in, sealed answers out.
//!
//! [`Server::serve`] runs one session from its first byte to its end: the handshake (`handshake`, which says nothing
//! to a stranger), then `connection`: a reader that opens frames in their order, a task for each request, and a writer that
//! seals answers and notifications in theirs, with the chunks of long answers between them. It does not know where streams
//! come from.

mod connection;
mod counts;
mod handshake;
mod limits;
mod sources;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use streembit_peer::message::End;
use streembit_peer::session::{ChannelError, Opener, PeerIds, Sealer};
use streembit_peer::wire::{FrameError, RespondError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::command::{Full, Pipeline, Place};
use crate::security_log::TARGET;
use counts::Counts;
pub use limits::{Limits, Rate};
use sources::{Handshakes, Sources};

/// How long sessions may take to say goodbye when the device stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where a stream comes from, as its transport knows it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The machine: its address, of IPv6 the subnet, never a key or a peer id, since those are free to make. For limits
    /// and for the log, never for access.
    pub name: Arc<str>,
    /// The transport's names of both ends, which the handshake binds.
    pub peer_ids: PeerIds,
}

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnded {
    /// The handshake was not answered.
    #[error(transparent)]
    Handshake(#[from] RespondError),
    /// The source dials too often, or too many handshakes are under way.
    #[error("too many handshakes")]
    TooManyHandshakes,
    /// No room.
    #[error(transparent)]
    Full(#[from] Full),
    /// The stream ended or broke, or brought what is no frame.
    #[error(transparent)]
    Stream(#[from] FrameError),
    /// A frame was not the next of this session.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// A message was not signed by the session's other side, or for another session.
    #[error("a message was not this session's")]
    Hostile,
    /// The other side does not read.
    #[error("the other side does not read")]
    Stuck,
    /// A session must be renewed after a while; a stranger must pair soon.
    #[error("the session is as old as it may get")]
    TooOld,
    /// The rights of its contact have ended, or the device is stopping.
    #[error("the session was ended by the device")]
    Cut,
}

/// Serves sessions.
pub struct Server {
    pipeline: Arc<Pipeline>,
    limits: Limits,
    sources: Sources,
    handshakes: Handshakes,
    counts: Counts,
    closing: CancellationToken,
    sessions: TaskTracker,
}

impl Server {
    /// A server that answers through `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>, limits: Limits) -> Self {
        Self {
            pipeline,
            limits,
            sources: Sources::new(limits.handshakes_of_a_source),
            handshakes: Handshakes::new(limits.handshakes, limits.handshakes_at_once_of_a_source),
            counts: Counts::default(),
            closing: CancellationToken::new(),
            sessions: TaskTracker::new(),
        }
    }

    /// The pipeline that it answers through.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Runs one session to its end. An orderly end is `Ok`. Spawn it, and drop nothing: it ends by itself.
    pub async fn serve<S>(&self, mut stream: S, source: Source) -> Result<(), SessionEnded>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _running = self.sessions.token();
        let (place, sealer, opener) = match self.open(&mut stream, &source).await {
            Ok(opened) => opened,
            Err(error) => {
                self.refused(&error, &source);
                return Err(error);
            }
        };
        self.counts.handshake("ok");
        if self.closing.is_cancelled() {
            place.caller().leaving().cancel();
        }
        let session = connection::Connection { pipeline: &self.pipeline, limits: &self.limits, place };
        session.run(stream, sealer, opener).await
    }

    /// Handshakes under way.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.count()
    }

    /// Adds what is counted here to what is shown.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.counts.register(registry);
    }

    /// The handshake, where this source may have one, and a place among the sessions.
    async fn open<S>(&self, stream: &mut S, source: &Source) -> Result<(Place, Sealer, Opener), SessionEnded>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let device = self.pipeline.device();
        if self.closing.is_cancelled() || !self.sources.may_dial(&source.name, device.clock().monotonic()) {
            return Err(SessionEnded::TooManyHandshakes);
        }
        let _under_way = self.handshakes.begin(&source.name).ok_or(SessionEnded::TooManyHandshakes)?;
        let opening = async {
            let established = handshake::respond(device, stream, source).await?;
            handshake::enter(device, stream, established, source).await
        };
        tokio::select! {
            opened = opening => opened,
            () = self.closing.cancelled() => Err(SessionEnded::Cut),
        }
    }

    fn refused(&self, error: &SessionEnded, source: &Source) {
        let reason = error.word();
        self.counts.handshake(reason);
        self.pipeline.device().security_log().note("handshake refused", reason, || {
            tracing::info!(target: TARGET, source = %source.name, reason, "a handshake led to no session: {error}");
        });
    }

    /// Takes no more sessions, tells every subscriber that the device is stopping, answers what is under way, and
    /// returns when all sessions are over.
    pub async fn close(&self) {
        self.closing.cancel();
        self.sessions.close();
        let callers = self.pipeline.device().callers().all();
        for caller in &callers {
            caller.outbox().retain(End::Stopping, |_| false);
            caller.leaving().cancel();
        }
        if tokio::time::timeout(GOODBYE, self.sessions.wait()).await.is_err() {
            callers.iter().for_each(|caller| caller.ended().cancel());
            self.sessions.wait().await;
        }
    }
}
