//! A plugin instance as a Thing.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use streembit_plugin_api::Name;
use streembit_plugin_host::boundary::{Call, CallFault, Ended, Event, IoError, PluginError, Returned};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::broadcast;

use super::component::Component;
use super::ends::Ends;
use super::process::{CallFailed, Process};
use super::serve::{self, Served};
use crate::journal::Mark;
use crate::things::{ActionEnd, Answer, Completion, Fault, Health, Invocation, Notice, Thing};

/// Notices that a slow receiver may be behind. With the longest values this is 16 MiB.
const NOTICES: usize = 256;

/// The Thing of one plugin instance. It stays while instances come and go.
pub(super) struct PluginThing {
    name: Name,
    plugin: String,
    model: ThingModel,
    notices: broadcast::Sender<Notice>,
    live: RwLock<Live>,
    ends: Ends,
}

/// Where calls go now.
#[derive(Clone)]
enum Live {
    Running(Running),
    Down(String),
}

/// A running instance.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) process: Arc<Process>,
    pub(super) instance: u32,
    pub(super) served: Arc<Served>,
    pub(super) deadline: Duration,
}

impl PluginThing {
    pub(super) fn new(name: Name, component: &Component) -> Result<Self, super::PluginError> {
        let manifest = &component.manifest;
        let model = ThingModel::parse(manifest.thing_model.to_string().as_bytes()).map_err(|error| {
            super::PluginError::Model { plugin: manifest.name.to_string(), reason: error.to_string() }
        })?;
        let (notices, _) = broadcast::channel(NOTICES);
        let plugin = format!("{} {}", manifest.name, manifest.version);
        let live = RwLock::new(Live::Down("starting".to_owned()));
        Ok(Self { name, plugin, model, notices, live, ends: Ends::default() })
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// How its instances have ended.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    pub(super) fn sender(&self) -> broadcast::Sender<Notice> {
        self.notices.clone()
    }

    pub(super) fn set_running(&self, running: Running) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Live::Running(running);
    }

    pub(super) fn set_down(&self, reason: String) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Live::Down(reason);
    }

    /// The instance is gone: what it was doing has an end that nobody saw.
    pub(super) fn ended(served: &Served) {
        for end in served.end() {
            end.tell(Err(Fault::OutcomeUnknown("the plugin ended before the action did".to_owned())));
        }
    }

    fn running(&self) -> Result<Running, Fault> {
        match &*self.live.read().unwrap_or_else(PoisonError::into_inner) {
            Live::Running(running) => Ok(running.clone()),
            Live::Down(reason) => Err(Fault::Unavailable(reason.clone())),
        }
    }

    async fn call(&self, running: &Running, call: Call, mark: Option<Mark>) -> Result<Returned, Fault> {
        let harmless = matches!(call, Call::Read { .. });
        let called = running.process.call(running.instance, call, mark, running.deadline).await;
        called.map_err(|failed| match (fault(failed), harmless) {
            // A read leaves nothing behind that somebody would have to look after.
            (Fault::OutcomeUnknown(why), true) => Fault::Unavailable(why),
            (fault, _) => fault,
        })
    }
}

impl Thing for PluginThing {
    fn model(&self) -> &ThingModel {
        &self.model
    }

    fn health(&self) -> Health {
        match &*self.live.read().unwrap_or_else(PoisonError::into_inner) {
            Live::Running(_) => Health::Running,
            Live::Down(reason) => Health::Down(reason.clone()),
        }
    }

    fn read_property<'a>(&'a self, name: &'a str) -> Answer<'a, Value> {
        Box::pin(async move {
            match self.call(&self.running()?, Call::Read { name: name.to_owned() }, None).await? {
                Returned::Value { json } => value(&json),
                _ => Err(mismatch()),
            }
        })
    }

    fn marks(&self) -> bool {
        true
    }

    fn write_property<'a>(&'a self, name: &'a str, value: Value, mark: Mark) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = Call::Write { name: name.to_owned(), value: value.to_string() };
            match self.call(&self.running()?, call, Some(mark)).await? {
                Returned::Written => Ok(()),
                _ => Err(mismatch()),
            }
        })
    }

    fn invoke_action<'a>(
        &'a self,
        name: &'a str,
        input: Option<Value>,
        call: Invocation,
    ) -> Answer<'a, Completion> {
        Box::pin(async move {
            let running = self.running()?;
            let Invocation { id: invocation, deadline, mark, end } = call;
            let deadline_ms = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
            let input = input.map(|input| input.to_string());
            let call = Call::Invoke { name: name.to_owned(), input, invocation, deadline_ms };
            // Before the call, because a plugin may end an action before it has answered.
            let called = Called::new(&running.served, invocation, mark.clone(), end);
            let returned = self.call(&running, call, Some(mark)).await;
            if matches!(returned, Ok(Returned::Pending)) {
                return called.pends();
            }
            drop(called);
            match returned? {
                Returned::Done { output } => Ok(Completion::Done(output.as_deref().map(value).transpose()?)),
                _ => Err(mismatch()),
            }
        })
    }

    fn cancel_action(&self, invocation: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            let running = self.running()?;
            running.process.happened(running.instance, Event::CancelAction { invocation });
            Ok(())
        })
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

/// An action whose caller waits for its first answer. A caller that stops waiting is not told how it ended.
struct Called<'a> {
    served: &'a Served,
    invocation: Option<u64>,
}

impl<'a> Called<'a> {
    fn new(served: &'a Served, invocation: u64, mark: Mark, end: ActionEnd) -> Self {
        served.action_called(invocation, mark, end);
        Self { served, invocation: Some(invocation) }
    }

    /// The action runs on, unless its instance has ended meanwhile.
    fn pends(mut self) -> Result<Completion, Fault> {
        match self.invocation.take() {
            Some(invocation) if !self.served.action_pends(invocation) => {
                Err(Fault::OutcomeUnknown("the plugin ended before the action did".to_owned()))
            }
            _ => Ok(Completion::Pending),
        }
    }
}

impl Drop for Called<'_> {
    fn drop(&mut self) {
        if let Some(invocation) = self.invocation {
            self.served.action_answered(invocation);
        }
    }
}

fn value(text: &str) -> Result<Value, Fault> {
    serve::json(text).map_err(|error| Fault::Failed(error.to_string()))
}

fn mismatch() -> Fault {
    Fault::Failed("the plugin host answered something else than was asked".to_owned())
}

fn fault(failed: CallFailed) -> Fault {
    match failed {
        CallFailed::NotSent(why) => Fault::Unavailable(why),
        CallFailed::Gone => Fault::OutcomeUnknown("the plugin host ended".to_owned()),
        CallFailed::Fault(CallFault::NotStarted) => {
            Fault::Unavailable("the plugin is not running".to_owned())
        }
        CallFailed::Fault(CallFault::Busy) => Fault::Busy("too many calls wait for the plugin".to_owned()),
        CallFailed::Fault(CallFault::Ended { reason: Ended::Deadline }) => {
            Fault::TimedOut(Ended::Deadline.to_string())
        }
        CallFailed::Fault(CallFault::Ended { reason }) => Fault::OutcomeUnknown(shown(&reason.to_string())),
        CallFailed::Fault(CallFault::Plugin { error }) => plugin_fault(error),
    }
}

/// What a plugin says went wrong. It came from outside, and goes into logs and answers.
pub(super) fn plugin_fault(error: PluginError) -> Fault {
    match error {
        PluginError::Busy => Fault::Busy("the plugin is busy".to_owned()),
        PluginError::InvalidValue { why } => Fault::InvalidValue(shown(&why)),
        PluginError::Timeout | PluginError::Io { error: IoError::Timeout } => {
            Fault::TimedOut(error.to_string())
        }
        error => Fault::Failed(shown(&error.to_string())),
    }
}

/// A text of a host or its plugin, as people get to see it.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
