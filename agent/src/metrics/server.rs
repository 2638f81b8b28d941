//! Takes connections on the socket and the port, each for one request.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Report;
use super::request::{self, MAX_HEAD, Request, Wanted};
use super::response::{JSON, OPENMETRICS, Status, refusal, whole};
use crate::liveness::Beat;

/// Most connections at once: a scraper or two, a watchdog, and somebody who looks.
pub const MAX_CONNECTIONS: usize = 8;

/// How long a request may take to come: it has one packet.
const ASK: Duration = Duration::from_secs(5);

/// How long an answer may take to be read: it has some 20 KiB.
const READ: Duration = Duration::from_secs(10);

/// Where it listens.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The socket in the data folder.
    pub socket: Option<UnixListener>,
    /// The port on loopback.
    pub port: Option<TcpListener>,
}

/// Answers until `stop`. `beat` is asked whether it still accepts.
pub async fn serve(listeners: Listeners, report: Arc<dyn Report>, mut beat: Beat, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let connection: io::Result<Box<dyn Stream>> = tokio::select! {
            () = stop.cancelled() => break,
            never = beat.answer() => match never {},
            accepted = accept_unix(listeners.socket.as_ref()) => accepted,
            accepted = accept_tcp(listeners.port.as_ref()) => accepted,
        };
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                // Out of descriptors: the ones that are taken come back, and until then nothing is gained by asking again.
                warn!("metrics cannot be asked: {error}");
                beat.during(tokio::time::sleep(Duration::from_millis(100))).await;
                continue;
            }
        };
        // Nobody is kept waiting: the one too many is closed.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (report, stop) = (Arc::clone(&report), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                ended = converse(connection, &*report) => {
                    if let Err(error) = ended {
                        debug!("whoever asked for metrics is gone: {error}");
                    }
                }
            }
            drop(place);
        });
    }
    tasks.close();
    tasks.wait().await;
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn accept_unix(listener: Option<&UnixListener>) -> io::Result<Box<dyn Stream>> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as _),
        None => std::future::pending().await,
    }
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<Box<dyn Stream>> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as _),
        None => std::future::pending().await,
    }
}

async fn converse(mut stream: Box<dyn Stream>, report: &dyn Report) -> io::Result<()> {
    let answer = match tokio::time::timeout(ASK, ask(&mut stream)).await {
        Ok(Ok(Ok(request))) => answer(request, report).await,
        Ok(Ok(Err(status))) => refusal(status),
        Ok(Err(error)) => return Err(error),
        Err(_) => refusal(Status::TooSlow),
    };
    let write = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(READ, write).await?
}

/// The request, or what refuses it.
async fn ask(stream: &mut Box<dyn Stream>) -> io::Result<Result<Request, Status>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let room = (MAX_HEAD - head.len()) as u64;
        let read = (&mut *stream).take(room).read_buf(&mut head).await?;
        match request::read(&head) {
            Ok(Some(request)) => return Ok(Ok(request)),
            Err(status) => return Ok(Err(status)),
            Ok(None) if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(None) => {}
        }
    }
}

async fn answer(request: Request, report: &dyn Report) -> Vec<u8> {
    match request.wanted {
        Wanted::Metrics => whole(Status::Ok, OPENMETRICS, &report.metrics(), request.head_only),
        Wanted::Health => {
            let health = report.health().await;
            let status = if health.healthy { Status::Ok } else { Status::Unwell };
            whole(status, JSON, &health.document, request.head_only)
        }
    }
}
