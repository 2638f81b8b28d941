//! The agent's socket: messages in, each to where it belongs.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use streembit_plugin_host::boundary::{CallFault, FromHost, ToHost};
use streembit_plugin_host::{ENGINE, Frames};
use tokio::io::Interest;
use tokio::net::UnixStream;
use wasmtime::Engine;

use crate::asks::Asks;
use crate::bindings::DevicePre;
use crate::imports::Plugin;
use crate::instance::{self, Mailbox, Shared};
use crate::outbox::Outbox;
use crate::ticker::Ticker;

/// Components and instances of one group at most: a mistake of the agent, not a limit that anybody should meet.
const MAX_CODE: usize = 64;
const MAX_INSTANCES: usize = 64;

/// Read at once.
const READ: usize = 16 << 10;

/// Standard input, which is one end of a socket pair.
pub(crate) fn socket() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.peer_addr()?;
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// Serves the agent until it closes the socket.
pub(crate) async fn run(engine: Engine, ticker: Ticker, socket: UnixStream) -> anyhow::Result<()> {
    let socket = Arc::new(socket);
    let outbox = Arc::new(Outbox::new(Arc::clone(&socket)));
    let shared = Shared { engine, ticker, asks: Asks::new(Arc::clone(&outbox)), outbox };
    let outbox = Arc::clone(&shared.outbox);
    outbox.send(&FromHost::Ready { engine: ENGINE.to_owned() });
    let mut server = Server { shared, codes: HashMap::new(), instances: Arc::default() };
    tokio::select! {
        served = server.serve(&socket) => served,
        flushed = outbox.flush() => flushed.context("the agent does not read"),
    }
}

struct Server {
    shared: Shared,
    codes: HashMap<u32, DevicePre<Plugin>>,
    instances: Arc<Mutex<HashMap<u32, Mailbox>>>,
}

impl Server {
    async fn serve(&mut self, socket: &UnixStream) -> anyhow::Result<()> {
        let mut frames = Frames::default();
        let mut files = VecDeque::new();
        let mut buffer = vec![0; READ];
        loop {
            socket.readable().await?;
            let read = socket.try_io(Interest::READABLE, || receive(socket, &mut buffer, &mut files));
            match read {
                Ok(0) => return Ok(()),
                Ok(read) => frames.push(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            while let Some(message) = frames.take()? {
                self.handle(message, &mut files);
            }
        }
    }

    fn handle(&mut self, message: ToHost, files: &mut VecDeque<OwnedFd>) {
        match message {
            ToHost::Load { code, length } => {
                let result = self.load(code, length, files.pop_front());
                self.shared.outbox.send(&FromHost::Loaded { code, result });
            }
            ToHost::Unload { code } => drop(self.codes.remove(&code)),
            ToHost::Start { instance, code, limits, config } => {
                self.start(instance, code, limits, config);
            }
            ToHost::Call { instance, id, call } => {
                let queued = match lock(&self.instances).get(&instance) {
                    Some(mailbox) => mailbox.call(id, call),
                    None => Err(CallFault::NotStarted),
                };
                if let Err(fault) = queued {
                    self.shared.outbox.send(&FromHost::Returned { id, result: Err(fault) });
                }
            }
            ToHost::Happened { instance, event } => {
                if let Some(mailbox) = lock(&self.instances).get(&instance) {
                    mailbox.happened(event);
                }
            }
            ToHost::Answer { id, answer } => self.shared.asks.answer(id, answer),
            ToHost::Stop { instance } => {
                if let Some(mailbox) = lock(&self.instances).get(&instance) {
                    mailbox.stop();
                }
            }
        }
    }

    fn load(&mut self, code: u32, length: u64, file: Option<OwnedFd>) -> Result<(), String> {
        if self.codes.len() >= MAX_CODE {
            return Err("too many components in one group".to_owned());
        }
        let file = file.ok_or("the code did not come with its message")?;
        self.codes.insert(code, crate::code::load(&self.shared.engine, file, length)?);
        Ok(())
    }

    fn start(
        &mut self,
        instance: u32,
        code: u32,
        limits: streembit_plugin_host::boundary::Limits,
        config: String,
    ) {
        use streembit_plugin_host::boundary::Ended;
        let mut instances = lock(&self.instances);
        let unfit =
            |what: &str| FromHost::Started { instance, result: Err(Ended::Unfit { what: what.to_owned() }) };
        let Some(code) = self.codes.get(&code) else {
            return self.shared.outbox.send(&unfit("its code is not loaded"));
        };
        if instances.len() >= MAX_INSTANCES || instances.contains_key(&instance) {
            return self.shared.outbox.send(&unfit("too many instances in one group"));
        }
        let all = Arc::clone(&self.instances);
        let ended = move || drop(lock(&all).remove(&instance));
        let mailbox = instance::spawn(self.shared.clone(), instance, code.clone(), limits, config, ended);
        instances.insert(instance, mailbox);
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads bytes, and the memory files that came with them.
fn receive(socket: &UnixStream, buffer: &mut [u8], files: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(buffer)];
    let received = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            files.extend(received);
        }
    }
    Ok(received.bytes)
}
