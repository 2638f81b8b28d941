//! Messages to a host process, written at once where the socket takes them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use streembit_plugin_host::boundary::ToHost;
use streembit_plugin_host::frame;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::memory_file::MemoryFile;

/// Bytes that wait at most. A host that leaves more unread has stopped.
const MAX_WAITING: usize = 4 << 20;

pub(super) struct Outbox {
    socket: Arc<UnixStream>,
    waiting: Mutex<VecDeque<u8>>,
    filled: Notify,
}

impl Outbox {
    pub(super) fn new(socket: Arc<UnixStream>) -> Self {
        Self { socket, waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Sends a message, or queues it. An error means that this host is of no use any more, or the message too long.
    pub(super) fn send(&self, message: &ToHost) -> io::Result<()> {
        let bytes = frame(message).map_err(io::Error::other)?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match waiting.is_empty().then(|| self.socket.try_write(&bytes)) {
            Some(Ok(written)) => written,
            Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => 0,
        };
        if written < bytes.len() {
            if waiting.len() + bytes.len() > MAX_WAITING {
                return Err(io::Error::other("the plugin host does not read"));
            }
            waiting.extend(&bytes[written..]);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Sends a message together with a file.
    pub(super) async fn send_with(&self, message: &ToHost, file: &MemoryFile) -> io::Result<()> {
        let bytes = frame(message).map_err(io::Error::other)?;
        while !self.try_send_with(&bytes, file)? {
            tokio::task::yield_now().await;
            self.socket.writable().await?;
        }
        Ok(())
    }

    /// `false` where the socket does not take it now, or others wait.
    fn try_send_with(&self, bytes: &[u8], file: &MemoryFile) -> io::Result<bool> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.is_empty() {
            return Ok(false);
        }
        let files = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        let sent = self.socket.try_io(Interest::WRITABLE, || {
            Ok(sendmsg(&*self.socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?)
        });
        match sent {
            // A frame of some twenty bytes is taken whole or not at all.
            Ok(sent) if sent == bytes.len() => Ok(true),
            Ok(_) => Err(io::Error::other("a message was cut")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes what waits, as the socket takes it.
    pub(super) async fn flush(&self) -> io::Result<()> {
        loop {
            self.filled.notified().await;
            while !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                self.socket.writable().await?;
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                match self.socket.try_write(waiting.as_slices().0) {
                    Ok(written) => drop(waiting.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}
