//! What an instance asks for, and what it gets.
//!
//! Every question is looked up in the grants of the instance whose process asked: a handle that it does not hold, a
//! name that nobody granted, an affordance that its Thing Model does not have are all refused alike. What it holds is
//! let go when it ends, and outputs fall back to their safe states.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use streembit_plugin_api::{MAX_VALUE, Name};
use streembit_plugin_host::boundary::{Ask, Edge, Event, IoError, MAX_PULSE_MS, Reply};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use super::lines::Lines;
use super::misconduct::Misconduct;
use super::process::Shared;
use super::store::Store;
use super::thing::plugin_fault;
use crate::hardware::{Binding, EdgeKind, Hardware, HardwareError, Input, Output};
use crate::journal::{Mark, NotMarked};
use crate::json_text::JsonText;
use crate::things::{ActionEnd, Notice};

/// Lines that an instance holds at once: as many as it may be granted, twice over for one that reopens them.
const MAX_HANDLES: usize = 64;

/// One instance's rights, and what it holds.
pub(super) struct Served {
    name: Name,
    model: ThingModel,
    grants: BTreeMap<Name, Binding>,
    hardware: Arc<Hardware>,
    notices: broadcast::Sender<Notice>,
    held: Mutex<Held>,
    /// Shared with the instances before and after: what one has begun to write is there before the next looks.
    store: Arc<Mutex<Store>>,
    /// The store works on a question.
    asking: AtomicBool,
    lines: Lines,
}

#[derive(Default)]
struct Held {
    last: u32,
    lines: HashMap<u32, Line>,
    /// Actions that were called and have not ended.
    actions: BTreeMap<u64, Action>,
    /// The calls that may move something and that the instance has not answered, in the order in which it gets them,
    /// which is that in which it works on them: one after the other. Without a mark, nobody waits for it any longer.
    calls: BTreeMap<u64, Option<Mark>>,
    /// The instance is gone.
    ended: bool,
}

/// An action on its way.
struct Action {
    stage: Stage,
    mark: Mark,
    end: ActionEnd,
}

/// How far an action is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its caller waits for the first answer, and learns from that how it ended.
    Called,
    /// Its caller was told to wait for the end.
    Pending,
}

enum Line {
    Input(Input, Option<Watch>),
    Output(Output),
}

/// The task that forwards edges.
struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Served {
    pub(super) fn new(
        name: Name,
        model: ThingModel,
        grants: BTreeMap<Name, Binding>,
        hardware: Arc<Hardware>,
        notices: broadcast::Sender<Notice>,
        store: Arc<Mutex<Store>>,
    ) -> Self {
        let (held, asking, lines) = (Mutex::default(), AtomicBool::new(false), Lines::new(name.clone()));
        Self { name, model, grants, hardware, notices, held, store, asking, lines }
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Its lines in the log.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// An action was called. It may end from now on.
    pub(super) fn action_called(&self, invocation: u64, mark: Mark, end: ActionEnd) {
        self.held().actions.insert(invocation, Action { stage: Stage::Called, mark, end });
    }

    /// A call that may move something is about to be sent. Calls are sent in the order of their numbers.
    pub(super) fn called(&self, call: u64, mark: Mark) {
        self.held().calls.insert(call, Some(mark));
    }

    /// A call was answered: what moves from now on moves for the next.
    pub(super) fn returned(&self, call: u64) {
        self.held().calls.remove(&call);
    }

    /// Nobody waits for a call any longer. It keeps its turn, and what it may yet do is no longer known.
    pub(super) fn left(&self, call: u64) {
        if let Some(mark) = self.held().calls.get_mut(&call)
            && let Some(mark) = mark.take()
            && let Err(error) = mark.begin()
        {
            tracing::error!(%error, plugin = self.name(), "a call that may move something goes on unmarked");
        }
    }

    /// An action was answered at once: nothing is pending.
    pub(super) fn action_answered(&self, invocation: u64) {
        self.held().actions.remove(&invocation);
    }

    /// An action runs on; `false` where its instance has ended meanwhile, so that nobody will tell its end.
    pub(super) fn action_pends(&self, invocation: u64) -> bool {
        let mut held = self.held();
        if held.ended {
            // What is not there any more has been completed, and its end was told.
            return held.actions.remove(&invocation).is_none();
        }
        if let Some(action) = held.actions.get_mut(&invocation) {
            action.stage = Stage::Pending;
        }
        true
    }

    /// The instance is gone: lines are let go, and the ends of the pending actions that it leaves behind are
    /// returned, for somebody to tell.
    pub(super) fn end(&self) -> Vec<ActionEnd> {
        let mut held = self.held();
        held.ended = true;
        let lines = std::mem::take(&mut held.lines);
        let left = held.actions.values().filter(|action| action.stage == Stage::Pending);
        let left = left.map(|action| action.end.clone()).collect();
        held.actions.retain(|_, action| action.stage == Stage::Called);
        drop(held);
        drop(lines);
        self.lines.end();
        left
    }

    /// Answers a question, now or (where a disk is involved) soon. An instance has at most one open, so a host in a plugin's
    /// hands can neither fill the agent's memory nor its threads with them.
    pub(super) fn serve(
        self: &Arc<Self>,
        process: &Arc<Shared>,
        instance: u32,
        id: u64,
        ask: Ask,
    ) -> Result<(), Misconduct> {
        if self.asking.load(Ordering::Acquire) {
            return Err(Misconduct::AskedTwice);
        }
        if !ask.is_bounded() {
            return Err(Misconduct::TooLong);
        }
        match ask {
            Ask::StateGet { .. } | Ask::StateSet { .. } | Ask::StateDelete { .. } | Ask::StateKeys => {
                // Only the task that reads from the process begins questions, so nobody comes between.
                self.asking.store(true, Ordering::Release);
                let (served, process) = (Arc::clone(self), Arc::clone(process));
                tokio::task::spawn_blocking(move || {
                    let answer = served.store(ask);
                    // Before the answer: with it, the plugin may ask again.
                    served.asking.store(false, Ordering::Release);
                    process.answer(id, answer);
                });
            }
            ask => process.answer(id, self.answer(process, instance, ask)),
        }
        Ok(())
    }

    fn answer(&self, process: &Arc<Shared>, instance: u32, ask: Ask) -> Result<Reply, IoError> {
        match ask {
            Ask::OpenInput { name } => {
                let input = self.hardware.input(self.granted(&name)?).map_err(|error| io(&error))?;
                self.hold(Line::Input(input, None))
            }
            Ask::OpenOutput { name } => {
                let output = self.hardware.output(self.granted(&name)?).map_err(|error| io(&error))?;
                self.hold(Line::Output(output))
            }
            Ask::Close { handle } => {
                let line = self.held().lines.remove(&handle);
                drop(line);
                Ok(Reply::Done)
            }
            Ask::IsActive { handle } => {
                let level = match self.held().lines.get(&handle) {
                    Some(Line::Input(input, _)) => input.is_active(),
                    Some(Line::Output(output)) => output.is_active(),
                    None => return Err(not_held()),
                };
                level.map(|active| Reply::Level { active }).map_err(|error| io(&error))
            }
            Ask::SetActive { handle, active } => self.drive(handle, |output| output.set_active(active)),
            Ask::Pulse { handle, duration_ms } => {
                if !(1..=MAX_PULSE_MS).contains(&duration_ms) {
                    return Err(IoError::Unsupported { what: format!("a pulse of {duration_ms} ms") });
                }
                self.drive(handle, |output| output.pulse(Duration::from_millis(duration_ms.into())))
            }
            Ask::Watch { handle, source, edge, debounce_us } => {
                let debounce = Duration::from_micros(debounce_us.into());
                self.watch(process, instance, (handle, source), &edge, debounce)
            }
            Ask::PropertyChanged { name, value } => {
                if self.model.property(&name).is_none() {
                    return Err(IoError::Denied {
                        what: "a property that the Thing Model does not have".into(),
                    });
                }
                let value = json_text(&value)?;
                self.tell(Notice::PropertyChanged { name: name.into(), value })
            }
            Ask::EmitEvent { name, data } => {
                if self.model.event(&name).is_none() {
                    return Err(IoError::Denied {
                        what: "an event that the Thing Model does not have".into(),
                    });
                }
                let data = data.map(|data| json_text(&data)).transpose()?;
                self.tell(Notice::Event { name: name.into(), data })
            }
            Ask::CompleteAction { invocation, outcome } => {
                // First, so that a plugin whose output is refused has not ended its action.
                let outcome = match outcome {
                    Ok(output) => Ok(output.map(|output| json(&output)).transpose()?),
                    Err(error) => Err(plugin_fault(error)),
                };
                let Some(action) = self.held().actions.remove(&invocation) else {
                    return Err(IoError::Denied { what: "an action that is not pending".into() });
                };
                action.end.tell(outcome);
                Ok(Reply::Done)
            }
            // `serve` has sent these to the store.
            Ask::StateGet { .. } | Ask::StateSet { .. } | Ask::StateDelete { .. } | Ask::StateKeys => {
                Err(IoError::Fault { what: "the store is asked elsewhere".into() })
            }
        }
    }

    fn store(&self, ask: Ask) -> Result<Reply, IoError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match ask {
            Ask::StateGet { key } => store.get(&key).map(|value| Reply::Stored { value }),
            Ask::StateSet { key, value } => store.set(key, value).map(|()| Reply::Done),
            Ask::StateDelete { key } => store.delete(&key).map(|()| Reply::Done),
            _ => store.keys().map(|keys| Reply::Keys { keys }),
        }
    }

    fn granted(&self, name: &str) -> Result<&Binding, IoError> {
        self.grants.get(name).ok_or_else(|| {
            self.lines.not_granted(name);
            IoError::Denied { what: name.chars().take(64).collect() }
        })
    }

    fn hold(&self, line: Line) -> Result<Reply, IoError> {
        let mut held = self.held();
        if held.ended {
            return Err(IoError::Disconnected);
        }
        if held.lines.len() >= MAX_HANDLES {
            return Err(IoError::Quota { what: format!("{MAX_HANDLES} open lines") });
        }
        held.last = held.last.wrapping_add(1);
        let handle = held.last;
        held.lines.insert(handle, line);
        Ok(Reply::Handle { handle })
    }

    fn drive(
        &self,
        handle: u32,
        drive: impl FnOnce(&Output) -> Result<(), HardwareError>,
    ) -> Result<Reply, IoError> {
        let held = self.held();
        match held.lines.get(&handle) {
            Some(Line::Output(output)) => {
                crate::failpoint!("move-before");
                held.touch().map_err(|error| IoError::Fault { what: error.to_string() })?;
                let driven = drive(output);
                crate::failpoint!("move-after");
                driven.map(|()| Reply::Done).map_err(|error| io(&error))
            }
            Some(Line::Input(..)) => Err(IoError::Unsupported { what: "driving an input".into() }),
            None => Err(not_held()),
        }
    }

    fn watch(
        &self,
        process: &Arc<Shared>,
        instance: u32,
        (handle, source): (u32, u32),
        edge: &Edge,
        debounce: Duration,
    ) -> Result<Reply, IoError> {
        let kind = match edge {
            Edge::Rising => EdgeKind::Rising,
            Edge::Falling => EdgeKind::Falling,
            Edge::Both => EdgeKind::Both,
        };
        match self.held().lines.get_mut(&handle) {
            Some(Line::Input(input, watch)) => {
                let mut edges = input.watch(kind, debounce).map_err(|error| io(&error))?;
                let process = Arc::clone(process);
                let forward = tokio::spawn(async move {
                    while let Some(edge) = edges.next().await {
                        let uptime_us = u64::try_from(edge.at.as_micros()).unwrap_or(u64::MAX);
                        let (active, coalesced) = (edge.active, edge.coalesced);
                        process.happened(instance, Event::GpioEdge { source, active, uptime_us, coalesced });
                    }
                });
                *watch = Some(Watch(forward.abort_handle()));
                Ok(Reply::Done)
            }
            Some(Line::Output(_)) => Err(IoError::Unsupported { what: "watching an output".into() }),
            None => Err(not_held()),
        }
    }

    /// Nobody may be listening.
    fn tell(&self, notice: Notice) -> Result<Reply, IoError> {
        let _ = self.notices.send(notice);
        Ok(Reply::Done)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Marks whatever may be the reason that an output is about to move: the call that the instance works on, and every
    /// action that runs on. One mark too many says "may have moved" of what did not; one too few would be a lie.
    fn touch(&self) -> Result<(), NotMarked> {
        if let Some(Some(mark)) = self.calls.values().next() {
            mark.touch()?;
        }
        let pending = self.actions.values().filter(|action| action.stage == Stage::Pending);
        pending.map(|action| &action.mark).try_for_each(Mark::touch)
    }
}

fn not_held() -> IoError {
    IoError::Denied { what: "a line that is not open".into() }
}

fn io(error: &HardwareError) -> IoError {
    IoError::Fault { what: error.to_string() }
}

/// A value that a plugin made; whoever passes it on checks it against its data schema.
pub(super) fn json(text: &str) -> Result<Value, IoError> {
    serde_json::from_str(short(text)?).map_err(|error| not_json(&error))
}

/// The same for one that waits.
fn json_text(text: &str) -> Result<JsonText, IoError> {
    JsonText::parse(short(text)?).map_err(|error| not_json(&error))
}

fn short(text: &str) -> Result<&str, IoError> {
    if text.len() > MAX_VALUE {
        return Err(IoError::Quota { what: format!("values of {MAX_VALUE} bytes") });
    }
    Ok(text)
}

fn not_json(error: &serde_json::Error) -> IoError {
    IoError::Fault { what: format!("the value is not JSON: {error}") }
}
