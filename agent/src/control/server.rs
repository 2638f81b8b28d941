//! The socket's side in the running agent.

use std::fs::{self, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::{Call, Failure, MAX_ANSWER, MAX_CALL};
use crate::liveness::Beat;

/// Most callers at once: a few shells and a status display.
const MAX_CALLERS: usize = 16;

/// How long a caller may be silent.
const IDLE: Duration = Duration::from_secs(60);

/// What an answer is.
pub type Reply = Result<Value, Failure>;

/// Who answers the calls.
pub trait Handler: Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, call: Call) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;
}

/// Makes the socket, for its owner only, in place of one that an earlier run left.
///
/// Only for somebody who holds the data folder's lock: then no agent listens on the old one.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The folder is private, so nobody comes in before the mode is set.
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers on the socket until `stop`, then waits for the calls under way. `beat` is asked whether it still accepts.
pub async fn serve(
    listener: UnixListener,
    handler: Arc<dyn Handler>,
    mut beat: Beat,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CALLERS));
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            never = beat.answer() => match never {},
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: trying again at once would only burn the processor.
                    warn!("the control socket does not accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        if !is_ours(&stream) {
            continue;
        }
        // Nobody is kept waiting: the one too many is closed.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (handler, stop) = (Arc::clone(&handler), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = converse(stream, &*handler, &stop).await {
                debug!("a caller on the control socket is gone: {error}");
            }
            drop(place);
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// Whether the caller is this process's own user, or root. The file's mode says the same; this holds even where somebody
/// changed it.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => true,
        Ok(peer) => {
            warn!("user {} was turned away from the control socket", peer.uid());
            false
        }
        Err(_) => false,
    }
}

async fn converse(stream: UnixStream, handler: &dyn Handler, stop: &CancellationToken) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = async {
            let mut bounded = (&mut reader).take(MAX_CALL as u64 + 1);
            tokio::time::timeout(IDLE, bounded.read_until(b'\n', &mut line)).await
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = read => match read {
                Ok(Ok(0)) | Err(_) => return Ok(()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            },
        }
        if line.last() != Some(&b'\n') {
            // Too long, or cut off: where the next call would begin, nobody knows.
            let failure = Failure::invalid(format!("a call is one line of at most {MAX_CALL} bytes"));
            return send(&mut writer, Err(failure)).await;
        }
        let reply = match serde_json::from_slice::<Call>(&line) {
            Ok(call) => handler.answer(call).await,
            Err(error) => Err(Failure::invalid(format!("not a call: {error}"))
                .or("The program may be older or newer than the running agent: restart the agent.")),
        };
        send(&mut writer, reply).await?;
    }
}

async fn send(writer: &mut OwnedWriteHalf, reply: Reply) -> io::Result<()> {
    let mut line = line_of(reply);
    if line.len() > MAX_ANSWER {
        line = line_of(Err(Failure::failed("the answer is too long: ask for less")));
    }
    tokio::time::timeout(IDLE, writer.write_all(&line)).await?
}

fn line_of(reply: Reply) -> Vec<u8> {
    let document = match reply {
        Ok(value) => json!({ "ok": value }),
        Err(failure) => json!({ "error": failure }),
    };
    let mut line = document.to_string().into_bytes();
    line.push(b'\n');
    line
}
