//! Frames on a byte stream, and the handshake over them: where sessions meet sockets.
//!
//! A frame is a length (four bytes, big-endian) and so many bytes. [`initiate`] and [`respond`] run the handshake of
//! [`crate::session`] and give up on their own; afterwards a reader takes [`read_frame`]s to its `Opener`, and [`send_all`]
//! seals and writes what comes through a queue.

use std::io::ErrorKind;
use std::time::Duration;

use streembit_keys::PrivateKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::message::MAX_MESSAGE;
use crate::session::{
    ChannelError, Established, HandshakeError, Initiator, MAX_HANDSHAKE, PeerIds, Remote, Responder, Sealer,
    Silent, Welcome,
};

/// The longest frame: what the longest message is when it is sealed, in base64 and with its header. What is longer comes in
/// several.
pub const MAX_FRAME: usize = 128 * 1024;

const _: () = assert!(MAX_MESSAGE.div_ceil(3) * 4 + 256 <= MAX_FRAME, "every message fits a frame");

/// How long a handshake may take. Three messages cross the slowest of mobile networks in a third of it.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stranger may take to send the first message. Who dials has it ready, so a stream that stays silent is there to
/// take somebody's place.
pub const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the other side may take to accept one batch of frames. Who reads nothing for so long is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much is read before more room is made: a stranger who announces a long frame and sends nothing costs us this.
const FIRST_READ: usize = 4096;

/// How many messages are sealed and written together when they are waiting.
const BATCH: usize = 32;

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side has closed the stream, between two frames.
    #[error("the other side has closed the stream")]
    Closed,
    /// The frame is longer than allowed here.
    #[error("a frame of {length} bytes, where {max} are allowed")]
    TooLong {
        /// Its announced length.
        length: usize,
        /// The longest one allowed.
        max: usize,
    },
    /// The stream failed, or ended within a frame.
    #[error("the stream failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads one frame of at most `max` bytes. Its length is checked before room is made for it.
///
/// Not safe to drop half-way: what was read of the frame is lost, and the stream with it.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin), max: usize) -> Result<Vec<u8>, FrameError> {
    let mut length = [0; 4];
    let (first, rest) = length.split_at_mut(1);
    match stream.read(first).await {
        Ok(0) => return Err(FrameError::Closed),
        Ok(_) => {}
        // Between two frames it is the same whether the other side closed the stream or dropped it.
        Err(error) if is_end(error.kind()) => return Err(FrameError::Closed),
        Err(error) => return Err(error.into()),
    }
    stream.read_exact(rest).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > max {
        return Err(FrameError::TooLong { length, max });
    }
    let mut frame = Vec::with_capacity(length.min(FIRST_READ));
    let mut rest = stream.take(length as u64);
    while frame.len() < length {
        if rest.read_buf(&mut frame).await? == 0 {
            return Err(FrameError::Io(ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(frame)
}

/// How transports say that the other side is gone.
fn is_end(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// Writes one frame and flushes it.
pub async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<(), FrameError> {
    let mut bytes = Vec::with_capacity(4 + frame.len());
    append_frame(&mut bytes, frame)?;
    stream.write_all(&bytes).await?;
    Ok(stream.flush().await?)
}

/// Writes one frame behind what waits to be sent. Length and content go out in one piece, because on a multiplexed stream
/// each write is a packet of its own.
pub fn append_frame(bytes: &mut Vec<u8>, frame: &[u8]) -> Result<(), FrameError> {
    if frame.len() > MAX_FRAME {
        return Err(FrameError::TooLong { length: frame.len(), max: MAX_FRAME });
    }
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame);
    Ok(())
}

/// Why nothing more can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The stream does not take it.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The session does not.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The other side has read nothing for [`WRITE_TIMEOUT`].
    #[error("the other side does not read")]
    Stalled,
}

/// Seals and writes what comes through `messages`, in its order, until every sender is gone; then closes the stream.
///
/// What waits together is written together. The queue's bound is the bound of what can wait.
pub async fn send_all(
    stream: impl AsyncWrite + Unpin,
    sealer: Sealer,
    messages: mpsc::Receiver<String>,
) -> Result<(), SendError> {
    send_all_within(WRITE_TIMEOUT, stream, sealer, messages).await
}

async fn send_all_within(
    limit: Duration,
    mut stream: impl AsyncWrite + Unpin,
    mut sealer: Sealer,
    mut messages: mpsc::Receiver<String>,
) -> Result<(), SendError> {
    let (mut batch, mut bytes) = (Vec::with_capacity(BATCH), Vec::new());
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        for message in batch.drain(..) {
            append_frame(&mut bytes, sealer.seal(message.as_bytes())?.as_bytes())?;
        }
        let written = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        timeout(limit, written).await.map_err(|_| SendError::Stalled)?.map_err(FrameError::from)?;
        bytes.clear();
        // One long answer must not cost its room for the rest of the session.
        bytes.shrink_to(MAX_FRAME / 8);
    }
    // The other side may be gone already, and then there is nobody left to tell.
    let _ = timeout(limit, stream.shutdown()).await;
    Ok(())
}

/// Why there is no session with the device that was dialled.
#[derive(Debug, thiserror::Error)]
pub enum InitiateError {
    /// It closed the stream without an answer: it is another device, does not know this account, or is not pairing.
    #[error("the device does not answer this account: it may not know it, or it is another device")]
    NoAnswer,
    /// It took longer than [`HANDSHAKE_TIMEOUT`].
    #[error("the handshake timed out")]
    TimedOut,
    /// The stream failed.
    #[error(transparent)]
    Frame(FrameError),
    /// The answer does not hold.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

/// Runs the handshake as the side that dialled. `clock` gives this side's time in seconds since 1970.
///
/// After an error the stream must not be used.
pub async fn initiate(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    key: &PrivateKey,
    remote: Remote,
    peer_ids: PeerIds,
    clock: impl Fn() -> i64,
) -> Result<Established, InitiateError> {
    initiate_within(HANDSHAKE_TIMEOUT, stream, key, remote, peer_ids, clock).await
}

async fn initiate_within(
    limit: Duration,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    key: &PrivateKey,
    remote: Remote,
    peer_ids: PeerIds,
    clock: impl Fn() -> i64,
) -> Result<Established, InitiateError> {
    let handshake = async {
        let (initiator, m1) = Initiator::start(key, remote, peer_ids, &mut streembit_keys::rng::system());
        write_frame(stream, &m1).await.map_err(InitiateError::Frame)?;
        let m2 = read_frame(stream, MAX_HANDSHAKE).await.map_err(|error| match error {
            FrameError::Closed => InitiateError::NoAnswer,
            other => InitiateError::Frame(other),
        })?;
        let (established, m3) = initiator.on_m2(&m2, clock())?;
        write_frame(stream, &m3).await.map_err(InitiateError::Frame)?;
        Ok(established)
    };
    timeout(limit, handshake).await.map_err(|_| InitiateError::TimedOut)?
}

/// Why a handshake was not answered, or not completed.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// It is not for this device or from nobody known.
    #[error(transparent)]
    Silent(#[from] Silent),
    /// It took longer than [`HANDSHAKE_TIMEOUT`], or its first message longer than [`FIRST_MESSAGE_TIMEOUT`].
    #[error("the handshake timed out")]
    TimedOut,
    /// The stream failed.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Runs the handshake as the side that was dialled. `clock` gives this side's time in seconds since 1970.
///
/// After an error drop the stream: whoever dialled learns nothing.
pub async fn respond(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    key: &PrivateKey,
    peer_ids: &PeerIds,
    welcome: &Welcome<'_>,
    clock: impl Fn() -> i64,
) -> Result<Established, RespondError> {
    respond_within(HANDSHAKE_TIMEOUT, stream, key, peer_ids, welcome, clock).await
}

async fn respond_within(
    limit: Duration,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    key: &PrivateKey,
    peer_ids: &PeerIds,
    welcome: &Welcome<'_>,
    clock: impl Fn() -> i64,
) -> Result<Established, RespondError> {
    let handshake = async {
        let first = timeout(limit.min(FIRST_MESSAGE_TIMEOUT), read_frame(stream, MAX_HANDSHAKE));
        let m1 = first.await.map_err(|_| RespondError::TimedOut)??;
        let (responder, m2) =
            Responder::accept(&m1, key, peer_ids, welcome, clock(), &mut streembit_keys::rng::system())?;
        write_frame(stream, &m2).await?;
        let m3 = read_frame(stream, MAX_HANDSHAKE).await?;
        Ok(responder.on_m3(&m3)?)
    };
    timeout(limit, handshake).await.map_err(|_| RespondError::TimedOut)?
}

#[cfg(test)]
mod tests;
