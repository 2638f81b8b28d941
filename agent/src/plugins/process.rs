//! One host process, and what the agent and it say to each other.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use streembit_plugin_api::Name;
use streembit_plugin_host::boundary::{
    Call, CallFault, Ended, Event, FromHost, IoError, Limits, Reply, Returned, ToHost,
};
use streembit_plugin_host::{ENGINE, Frames};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::PluginError;
use super::memory_file::MemoryFile;
use super::misconduct::Misconduct;
use super::outbox::Outbox;
use super::patience::Heard;
use super::serve::Served;
use super::thing::shown;
use crate::journal::Mark;
use crate::liveness::{Beat, Part, Pulse, pulse};

/// From the start of the program to its `Ready`: it takes milliseconds, on a loaded machine some hundreds.
const START: Duration = Duration::from_secs(10);

/// A host answers a call at its deadline whatever the plugin does. One that is this much later has stopped itself.
const GRACE: Duration = Duration::from_secs(2);

/// From the hand-over of code to its being loaded: it takes less than a millisecond, and nothing of the plugin runs.
const LOAD: Duration = Duration::from_secs(10);

/// Messages and bytes of one host in a tenth of a second. More than plugins within their limits can send; beyond it the host
/// waits, so that one that was taken over cannot use up the agent's processor. What it could have of its memory is bounded
/// elsewhere: [`Misconduct`] ends it, and a line of its log is written or dropped.
const MESSAGES: u32 = 10_000;
pub(super) const BYTES: usize = 4 << 20;
pub(super) const WINDOW: Duration = Duration::from_millis(100);

/// What a host may say on its standard error before it is no longer read.
const MAX_LAST_WORDS: u64 = 4096;

/// Calls of one instance that are not answered. A host refuses those that its mailbox of 64 has no room for, and some are on
/// their way to it; a host that answers none gets no more.
pub(super) const MAX_CALLS: usize = 256;

/// A host process. It ends when this is dropped.
pub(super) struct Process(Arc<Shared>);

/// What the process's task, its callers and its plugins' edges share.
pub(super) struct Shared {
    outbox: Outbox,
    state: Mutex<State>,
    heard: Heard,
    dead: CancellationToken,
    /// Why it ended, where something was wrong with it.
    why: OnceLock<String>,
    id: Option<u32>,
    /// Asks the process's task whether it comes round.
    pulse: Pulse,
}

#[derive(Default)]
struct State {
    last: u64,
    codes: HashMap<[u8; 32], u32>,
    calls: HashMap<u64, Waiting>,
    loads: HashMap<u32, oneshot::Sender<Result<(), String>>>,
    instances: HashMap<u32, Link>,
}

/// A call that has no answer yet.
struct Waiting {
    instance: u32,
    answer: oneshot::Sender<Result<Returned, CallFault>>,
    /// Where a call is known that may move something.
    served: Option<Arc<Served>>,
}

/// The wait for an answer. It may end before the call does.
struct Wait<'a> {
    shared: &'a Shared,
    call: u64,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let unanswered = self.shared.state().calls.get(&self.call).and_then(|waiting| waiting.served.clone());
        if let Some(served) = unanswered {
            served.left(self.call);
        }
    }
}

/// The wait for an instance's `init`. Without its end the instance is not to run.
struct Starting<'a> {
    process: &'a Process,
    instance: u32,
}

impl Starting<'_> {
    /// It has its end.
    fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.process.stop(self.instance);
        let gone = self.process.0.state().remove(self.instance);
        drop(gone);
    }
}

/// An instance in this process.
struct Link {
    served: Arc<Served>,
    started: Option<oneshot::Sender<Result<(), Ended>>>,
    ended: oneshot::Sender<Ended>,
    /// Calls that it has not answered.
    calls: usize,
}

/// A call has no answer.
#[derive(Debug)]
pub(super) enum CallFailed {
    /// The host says why.
    Fault(CallFault),
    /// The host ended, or was ended because it had stopped.
    Gone,
    /// The message could not be sent: the call never began.
    NotSent(String),
}

/// An instance that was started.
pub(super) struct Started {
    pub(super) instance: u32,
    /// Why it ended; an error when its process did.
    pub(super) ended: oneshot::Receiver<Ended>,
}

impl Process {
    pub(super) async fn start(program: &Path) -> Result<Self, PluginError> {
        let failed = |error: io::Error| PluginError::Program {
            program: program.to_owned(),
            reason: error.to_string(),
        };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let socket = Arc::new(UnixStream::from_std(ours).map_err(failed)?);
        let child = tokio::process::Command::new(program)
            .env_clear()
            // One thread does all the work: more heaps would only cost memory.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (pulse, beat) = pulse();
        let shared = Arc::new(Shared {
            outbox: Outbox::new(Arc::clone(&socket)),
            state: Mutex::default(),
            heard: Heard::default(),
            dead: CancellationToken::new(),
            why: OnceLock::new(),
            id: child.id(),
            pulse,
        });
        let (ready, engine) = oneshot::channel();
        tokio::spawn(Arc::clone(&shared).run(child, socket, ready, beat));
        let process = Self(shared);
        let reason = match tokio::time::timeout(START, engine).await {
            Ok(Ok(engine)) if engine == ENGINE => return Ok(process),
            Ok(Ok(engine)) => format!("it runs {}, this agent needs {ENGINE}", shown(&engine)),
            Ok(Err(_)) => "it ended at once".to_owned(),
            Err(_) => "it does not become ready".to_owned(),
        };
        Err(PluginError::Program { program: program.to_owned(), reason })
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.dead.is_cancelled()
    }

    /// Why it ended, where something was wrong with it.
    pub(super) fn why_ended(&self) -> Option<&str> {
        self.0.why.get().map(String::as_str)
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.0.id
    }

    /// Its task, to be asked whether it comes round.
    pub(super) fn part(&self, group: &Name) -> Part {
        Part::of_pulse(format!("host of {group}"), self.0.pulse.clone(), Some(self.0.dead.clone()))
    }

    /// The number of code that was loaded before.
    pub(super) fn loaded(&self, component: &[u8; 32]) -> Option<u32> {
        self.0.state().codes.get(component).copied()
    }

    /// Hands code over. The text says why the host does not take it.
    pub(super) async fn load(&self, component: [u8; 32], file: &MemoryFile) -> Result<u32, String> {
        let (loaded, result) = oneshot::channel();
        let code = {
            let mut state = self.0.state();
            let code = state.number();
            state.loads.insert(code, loaded);
            code
        };
        let message = ToHost::Load { code, length: file.length() };
        let load = async {
            self.0.outbox.send_with(&message, file).await.map_err(|error| error.to_string())?;
            result.await.map_err(|_| "the plugin host ended")?.map_err(|error| shown(&error))
        };
        self.in_time(LOAD, load).await.ok_or("the plugin host ended")??;
        self.0.state().codes.insert(component, code);
        Ok(code)
    }

    /// Starts an instance and waits for its `init`. `None`: the process ended. Whoever stops waiting wants it no more.
    pub(super) async fn start_instance(
        &self,
        code: u32,
        limits: Limits,
        config: String,
        served: Arc<Served>,
    ) -> Option<Result<Started, Ended>> {
        let (started, result) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let deadline = Duration::from_millis(limits.deadline_ms.into());
        let instance = {
            let mut state = self.0.state();
            let instance = state.number();
            state.instances.insert(instance, Link { served, started: Some(started), ended, calls: 0 });
            instance
        };
        let starting = Starting { process: self, instance };
        self.0.outbox.send(&ToHost::Start { instance, code, limits, config }).ok()?;
        let result = self.in_time(deadline + GRACE, result).await?.ok()?;
        starting.answered();
        Some(result.map(|()| Started { instance, ended: end }))
    }

    /// A step that the host has to do, or `None`: it is ended, because it does not come to the end of it.
    async fn in_time<T>(&self, patience: Duration, step: impl Future<Output = T>) -> Option<T> {
        let done = self.0.heard.in_turns(patience, step).await;
        done.inspect_err(|why| self.0.end(&why.to_string())).ok()
    }

    /// Calls an export and waits for its answer. `mark` is that of a call which may move something, `deadline` the one that
    /// the host keeps.
    pub(super) async fn call(
        &self,
        instance: u32,
        call: Call,
        mark: Option<Mark>,
        deadline: Duration,
    ) -> Result<Returned, CallFailed> {
        let (answer, mut answered) = oneshot::channel();
        let sent = self.0.send_call(instance, call, mark, answer);
        let _wait = Wait { shared: &self.0, call: sent? };
        // Others before it in the mailbox may have used up their deadlines.
        let answer = match self.0.heard.while_heard(deadline + GRACE, &mut answered).await {
            Ok(answer) => answer,
            Err(why) => {
                self.0.end(&why.to_string());
                answered.await
            }
        };
        answer.map_or(Err(CallFailed::Gone), |result| result.map_err(CallFailed::Fault))
    }

    pub(super) fn happened(&self, instance: u32, event: Event) {
        self.0.happened(instance, event);
    }

    /// Asks an instance to end; its end arrives as any other.
    pub(super) fn stop(&self, instance: u32) {
        let _ = self.0.outbox.send(&ToHost::Stop { instance });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.dead.cancel();
    }
}

impl State {
    fn number(&mut self) -> u32 {
        self.last += 1;
        // Four thousand million starts of one process: the number is unique in its life.
        self.last as u32
    }

    /// An instance is gone. Its calls have been answered; whoever waits for one all the same would wait in vain.
    fn remove(&mut self, instance: u32) -> Option<Link> {
        self.calls.retain(|_, call| call.instance != instance);
        self.instances.remove(&instance)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a call and sends it, in one step: the host works on calls in the order of their numbers.
    fn send_call(
        &self,
        instance: u32,
        call: Call,
        mark: Option<Mark>,
        answer: oneshot::Sender<Result<Returned, CallFault>>,
    ) -> Result<u64, CallFailed> {
        let mut state = self.state();
        let State { last, calls, instances, .. } = &mut *state;
        let Some(link) = instances.get_mut(&instance) else {
            return Err(CallFailed::Fault(CallFault::NotStarted));
        };
        if link.calls >= MAX_CALLS {
            return Err(CallFailed::Fault(CallFault::Busy));
        }
        *last += 1;
        let id = *last;
        let served = mark.map(|mark| {
            link.served.called(id, mark);
            Arc::clone(&link.served)
        });
        if let Err(error) = self.outbox.send(&ToHost::Call { instance, id, call }) {
            if let Some(served) = served {
                served.returned(id);
            }
            return Err(CallFailed::NotSent(error.to_string()));
        }
        link.calls += 1;
        calls.insert(id, Waiting { instance, answer, served });
        Ok(id)
    }

    /// Something happened to a line that an instance watches.
    pub(super) fn happened(&self, instance: u32, event: Event) {
        let _ = self.outbox.send(&ToHost::Happened { instance, event });
    }

    /// Answers a plugin's question.
    pub(super) fn answer(&self, id: u64, answer: Result<Reply, IoError>) {
        if let Err(error) = self.outbox.send(&ToHost::Answer { id, answer }) {
            self.end(&error.to_string());
        }
    }

    /// Ends the process, which is of no use any more.
    fn end(&self, why: &str) {
        let _ = self.why.set(why.to_owned());
        self.dead.cancel();
    }

    /// Reads what the host says until it ends, or somebody wants it to.
    async fn run(
        self: Arc<Self>,
        mut child: Child,
        socket: Arc<UnixStream>,
        ready: oneshot::Sender<String>,
        mut beat: Beat,
    ) {
        let last_words = child.stderr.take();
        let words = async {
            let mut text = Vec::new();
            if let Some(stderr) = last_words {
                let _ = stderr.take(MAX_LAST_WORDS).read_to_end(&mut text).await;
            }
            if !text.is_empty() {
                let text = String::from_utf8_lossy(&text);
                tracing::error!(process = self.id, said = %text.escape_debug(), "the plugin host");
            }
            std::future::pending::<()>().await;
        };
        let why = tokio::select! {
            read = self.read(&socket, ready) => read.err().map(|error| error.to_string()),
            flushed = self.outbox.flush() => flushed.err().map(|error| error.to_string()),
            status = child.wait() => status.ok().map(|status| status.to_string()),
            () = self.dead.cancelled() => None,
            () = words => None,
            never = beat.answer() => match never {},
        };
        if let Some(why) = why {
            self.end(&why);
        }
        self.dead.cancel();
        if let Some(why) = self.why.get() {
            tracing::error!(process = self.id, why, "a plugin host ended");
        }
        let _ = child.kill().await;
        // Whoever waits for this process learns of its end by the channels that go with this.
        let gone = std::mem::take(&mut *self.state());
        drop(gone);
    }

    async fn read(self: &Arc<Self>, socket: &UnixStream, ready: oneshot::Sender<String>) -> io::Result<()> {
        let mut ready = Some(ready);
        let mut frames = Frames::default();
        let mut buffer = vec![0; 16 << 10];
        let (mut window, mut messages, mut bytes) = (Instant::now(), 0u32, 0);
        loop {
            socket.readable().await?;
            match socket.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    bytes += read;
                    frames.push(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            while let Some(message) = frames.take().map_err(io::Error::other)? {
                self.heard.one();
                messages += 1;
                self.handle(message, &mut ready).map_err(io::Error::other)?;
                // A socket that always has more to read would never let anybody else have a turn, not even the one who
                // wants this process to end.
                tokio::task::coop::consume_budget().await;
            }
            if window.elapsed() >= WINDOW {
                (window, messages, bytes) = (Instant::now(), 0, 0);
            } else if messages > MESSAGES || bytes > BYTES {
                tokio::time::sleep(WINDOW.saturating_sub(window.elapsed())).await;
            }
        }
    }

    fn handle(
        self: &Arc<Self>,
        message: FromHost,
        ready: &mut Option<oneshot::Sender<String>>,
    ) -> Result<(), Misconduct> {
        match message {
            FromHost::Ready { engine } => {
                if let Some(ready) = ready.take() {
                    let _ = ready.send(engine);
                }
            }
            FromHost::Loaded { code, result } => {
                if let Some(waiting) = self.state().loads.remove(&code) {
                    let _ = waiting.send(result);
                }
            }
            FromHost::Started { instance, result } => {
                let mut state = self.state();
                let started = state.instances.get_mut(&instance).and_then(|link| link.started.take());
                let gone = if result.is_err() { state.remove(instance) } else { None };
                drop(state);
                drop(gone);
                if let Some(started) = started {
                    let _ = started.send(result);
                }
            }
            FromHost::Returned { id, result } => {
                let mut state = self.state();
                let waiting = state.calls.remove(&id);
                if let Some(link) = waiting.as_ref().and_then(|call| state.instances.get_mut(&call.instance))
                {
                    link.calls -= 1;
                }
                drop(state);
                if let Some(Waiting { answer, served, .. }) = waiting {
                    // Now, and not when its caller gets to it: the host may have begun with the next call.
                    if let Some(served) = served {
                        served.returned(id);
                    }
                    let _ = answer.send(result);
                }
            }
            FromHost::Ended { instance, reason } => {
                let link = self.state().remove(instance);
                if let Some(link) = link {
                    let _ = link.ended.send(reason);
                }
            }
            FromHost::Ask { instance, id, ask } => {
                let served = self.state().instances.get(&instance).map(|link| Arc::clone(&link.served));
                match served {
                    Some(served) => return served.serve(self, instance, id, ask),
                    None => self.answer(id, Err(IoError::Denied { what: "no such instance".to_owned() })),
                }
            }
            FromHost::Log { instance, level, message, dropped } => {
                let served = self.state().instances.get(&instance).map(|link| Arc::clone(&link.served));
                if let Some(served) = served {
                    served.lines().said(&level, &message, dropped);
                }
            }
        }
        Ok(())
    }
}
