//! Messages to the agent.
//!
//! A message is written at once where the socket takes it, because a task of its own would add a switch to every
//! answer. What the socket does not take waits here, up to a limit.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use streembit_plugin_host::boundary::FromHost;
use streembit_plugin_host::frame;
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// Bytes that wait at most. An agent that leaves more unread has stopped; then this process has no purpose.
const MAX_WAITING: usize = 8 << 20;

pub(crate) struct Outbox {
    socket: std::sync::Arc<UnixStream>,
    waiting: Mutex<VecDeque<u8>>,
    filled: Notify,
    broken: Notify,
}

impl Outbox {
    pub(crate) fn new(socket: std::sync::Arc<UnixStream>) -> Self {
        Self { socket, waiting: Mutex::default(), filled: Notify::new(), broken: Notify::new() }
    }

    pub(crate) fn send(&self, message: &FromHost) {
        let Ok(bytes) = frame(message) else {
            // Whatever a plugin says was checked for its length before: this is a mistake of ours, and nothing good
            // can follow when the agent waits for an answer that never comes.
            self.broken.notify_one();
            return;
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let written = if waiting.is_empty() { self.socket.try_write(&bytes).unwrap_or(0) } else { 0 };
        if written < bytes.len() {
            waiting.extend(&bytes[written..]);
            if waiting.len() > MAX_WAITING {
                self.broken.notify_one();
            }
            self.filled.notify_one();
        }
    }

    /// Writes what waits, as the socket takes it. Ends when the agent is gone or has stopped.
    pub(crate) async fn flush(&self) -> std::io::Result<()> {
        loop {
            tokio::select! {
                () = self.filled.notified() => {}
                () = self.broken.notified() => return Err(std::io::ErrorKind::BrokenPipe.into()),
            }
            while !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                self.socket.writable().await?;
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                match self.socket.try_write(waiting.as_slices().0) {
                    Ok(written) => drop(waiting.drain(..written)),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}
