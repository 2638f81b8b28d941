//! The imports of the WIT package: what a plugin may ask for.
//!
//! Almost everything is a question to the agent, which decides. Answered here are only the time, timers, and the rates
//! that keep a flood of questions from becoming the agent's work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streembit_plugin_api::MAX_VALUE;
use streembit_plugin_host::Rate;
use streembit_plugin_host::boundary::{
    Ask, Edge, FromHost, IoError, LOG_BURST, LOG_RATE, Level, MAX_LOG_LINE, MAX_NAME, MAX_PULSE_MS,
    MAX_STATE, PluginError, Reply,
};
use wasmtime::StoreLimits;
use wasmtime::component::Resource;

use crate::asks::Asks;
use crate::bindings::{InputHandle, OutputHandle, gpio, log, state, thing, timer, types};
use crate::budget::Budget;
use crate::outbox::Outbox;
use crate::timers::Timers;

/// What a store holds for its plugin.
pub(crate) struct Plugin {
    instance: u32,
    asks: Asks,
    outbox: Arc<Outbox>,
    pub(crate) limits: StoreLimits,
    pub(crate) budget: Budget,
    pub(crate) timers: Timers,
    calls: Rate,
    log_lines: Rate,
    dropped_lines: u32,
    last_source: u32,
}

type Io<T> = wasmtime::Result<Result<T, types::IoError>>;

impl Plugin {
    pub(crate) fn new(
        instance: u32,
        asks: Asks,
        outbox: Arc<Outbox>,
        limits: (StoreLimits, Budget, u32),
    ) -> Self {
        let (limits, budget, calls) = limits;
        let now = Instant::now();
        Self {
            instance,
            asks,
            outbox,
            limits,
            budget,
            timers: Timers::default(),
            calls: Rate::new(calls, calls, now),
            log_lines: Rate::new(LOG_RATE, LOG_BURST, now),
            dropped_lines: 0,
            last_source: 0,
        }
    }

    /// Asks the agent, if the plugin does not ask too often.
    async fn ask(&mut self, ask: Ask) -> Result<Reply, types::IoError> {
        if !self.calls.take(Instant::now()) {
            return Err(types::IoError::Quota("host calls a second".to_owned()));
        }
        self.asks.ask(self.instance, ask).await.map_err(types::IoError::from)
    }

    async fn ask_done(&mut self, ask: Ask) -> Io<()> {
        Ok(match self.ask(ask).await {
            Ok(Reply::Done) => Ok(()),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }

    async fn ask_level(&mut self, handle: u32) -> Io<bool> {
        Ok(match self.ask(Ask::IsActive { handle }).await {
            Ok(Reply::Level { active }) => Ok(active),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }

    async fn open<T: 'static>(&mut self, name: String, ask: impl Fn(String) -> Ask) -> Io<Resource<T>> {
        if name.len() > MAX_NAME {
            return Ok(Err(types::IoError::Denied("a name that is too long".to_owned())));
        }
        Ok(match self.ask(ask(name)).await {
            Ok(Reply::Handle { handle }) => Ok(Resource::new_own(handle)),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }

    /// The next number of a watch or timer.
    fn source(&mut self) -> u32 {
        self.last_source = self.last_source.wrapping_add(1);
        self.last_source
    }

    /// Writes to the agent's log on behalf of the plugin.
    pub(crate) fn log_line(&mut self, level: Level, mut message: String) {
        if !self.log_lines.take(Instant::now()) {
            self.dropped_lines = self.dropped_lines.saturating_add(1);
            return;
        }
        message.truncate(message.floor_char_boundary(MAX_LOG_LINE));
        let dropped = std::mem::take(&mut self.dropped_lines);
        self.outbox.send(&FromHost::Log { instance: self.instance, level, message, dropped });
    }
}

impl types::Host for Plugin {}
impl gpio::Host for Plugin {}

impl gpio::HostDigitalIn for Plugin {
    async fn open(&mut self, name: String) -> Io<Resource<InputHandle>> {
        self.open(name, |name| Ask::OpenInput { name }).await
    }

    async fn is_active(&mut self, line: Resource<InputHandle>) -> Io<bool> {
        self.ask_level(line.rep()).await
    }

    async fn watch(&mut self, line: Resource<InputHandle>, edge: types::Edge, debounce_us: u32) -> Io<u32> {
        let edge = match edge {
            types::Edge::Rising => Edge::Rising,
            types::Edge::Falling => Edge::Falling,
            types::Edge::Both => Edge::Both,
        };
        let source = self.source();
        let watch = Ask::Watch { handle: line.rep(), source, edge, debounce_us };
        Ok(self.ask_done(watch).await?.map(|()| source))
    }

    async fn drop(&mut self, line: Resource<InputHandle>) -> wasmtime::Result<()> {
        let _ = self.asks.ask(self.instance, Ask::Close { handle: line.rep() }).await;
        Ok(())
    }
}

impl gpio::HostDigitalOut for Plugin {
    async fn open(&mut self, name: String) -> Io<Resource<OutputHandle>> {
        self.open(name, |name| Ask::OpenOutput { name }).await
    }

    async fn set_active(&mut self, line: Resource<OutputHandle>, active: bool) -> Io<()> {
        self.ask_done(Ask::SetActive { handle: line.rep(), active }).await
    }

    async fn is_active(&mut self, line: Resource<OutputHandle>) -> Io<bool> {
        self.ask_level(line.rep()).await
    }

    async fn pulse(&mut self, line: Resource<OutputHandle>, duration_ms: u32) -> Io<()> {
        if !(1..=MAX_PULSE_MS).contains(&duration_ms) {
            return Ok(Err(types::IoError::Unsupported(format!("a pulse of {duration_ms} ms"))));
        }
        self.ask_done(Ask::Pulse { handle: line.rep(), duration_ms }).await
    }

    async fn drop(&mut self, line: Resource<OutputHandle>) -> wasmtime::Result<()> {
        let _ = self.asks.ask(self.instance, Ask::Close { handle: line.rep() }).await;
        Ok(())
    }
}

impl timer::Host for Plugin {
    async fn start(&mut self, delay_ms: u32, period_ms: Option<u32>) -> Io<u32> {
        if !self.calls.take(Instant::now()) {
            return Ok(Err(types::IoError::Quota("host calls a second".to_owned())));
        }
        let source = self.source();
        let millis = |ms: u32| Duration::from_millis(ms.into());
        let started = self.timers.start(source, millis(delay_ms), period_ms.map(millis));
        Ok(started.map(|()| source).map_err(types::IoError::from))
    }

    async fn cancel(&mut self, source: u32) -> wasmtime::Result<()> {
        self.timers.cancel(source);
        Ok(())
    }
}

impl log::Host for Plugin {
    async fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log_line(level, message);
        Ok(())
    }
}

impl state::Host for Plugin {
    async fn get(&mut self, key: String) -> Io<Option<Vec<u8>>> {
        if key.len() > MAX_NAME {
            return Ok(Ok(None));
        }
        Ok(match self.ask(Ask::StateGet { key }).await {
            Ok(Reply::Stored { value }) => Ok(value),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Io<()> {
        if key.len() > MAX_NAME || value.len() > MAX_STATE {
            return Ok(Err(types::IoError::Quota(format!(
                "keys of {MAX_NAME} and values of {MAX_STATE} bytes"
            ))));
        }
        self.ask_done(Ask::StateSet { key, value }).await
    }

    async fn delete(&mut self, key: String) -> Io<()> {
        if key.len() > MAX_NAME {
            return Ok(Ok(()));
        }
        self.ask_done(Ask::StateDelete { key }).await
    }

    async fn keys(&mut self) -> Io<Vec<String>> {
        Ok(match self.ask(Ask::StateKeys).await {
            Ok(Reply::Keys { keys }) => Ok(keys),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    }
}

impl thing::Host for Plugin {
    async fn property_changed(&mut self, name: String, value: String) -> Io<()> {
        if name.len() > MAX_NAME || value.len() > MAX_VALUE {
            return Ok(Err(too_long()));
        }
        self.ask_done(Ask::PropertyChanged { name, value }).await
    }

    async fn emit_event(&mut self, name: String, data: Option<String>) -> Io<()> {
        if name.len() > MAX_NAME || data.as_ref().is_some_and(|data| data.len() > MAX_VALUE) {
            return Ok(Err(too_long()));
        }
        self.ask_done(Ask::EmitEvent { name, data }).await
    }

    async fn complete_action(
        &mut self,
        invocation: u64,
        outcome: Result<Option<String>, types::PluginError>,
    ) -> Io<()> {
        if outcome.as_ref().is_ok_and(|output| output.as_ref().is_some_and(|json| json.len() > MAX_VALUE)) {
            return Ok(Err(too_long()));
        }
        let outcome = outcome.map_err(PluginError::from);
        self.ask_done(Ask::CompleteAction { invocation, outcome }).await
    }

    async fn now_unix_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(millis(rustix::time::ClockId::Realtime))
    }

    async fn uptime_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(millis(rustix::time::ClockId::Monotonic))
    }
}

fn millis(clock: rustix::time::ClockId) -> u64 {
    let now = rustix::time::clock_gettime(clock);
    now.tv_sec.unsigned_abs() * 1_000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

fn unexpected() -> types::IoError {
    types::IoError::Fault("the agent answered something else".to_owned())
}

fn too_long() -> types::IoError {
    types::IoError::Quota(format!("values of {MAX_VALUE} bytes"))
}

impl From<IoError> for types::IoError {
    fn from(error: IoError) -> Self {
        match error {
            IoError::Denied { what } => Self::Denied(what),
            IoError::Unsupported { what } => Self::Unsupported(what),
            IoError::Quota { what } => Self::Quota(what),
            IoError::Timeout => Self::Timeout,
            IoError::Disconnected => Self::Disconnected,
            IoError::Fault { what } => Self::Fault(what),
        }
    }
}

/// Longest explanation of an error that is passed on.
const MAX_WHY: usize = 500;

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_WHY));
    text
}

impl From<types::IoError> for IoError {
    fn from(error: types::IoError) -> Self {
        match error {
            types::IoError::Denied(what) => Self::Denied { what: shortened(what) },
            types::IoError::Unsupported(what) => Self::Unsupported { what: shortened(what) },
            types::IoError::Quota(what) => Self::Quota { what: shortened(what) },
            types::IoError::Timeout => Self::Timeout,
            types::IoError::Disconnected => Self::Disconnected,
            types::IoError::Fault(what) => Self::Fault { what: shortened(what) },
        }
    }
}

impl From<types::PluginError> for PluginError {
    fn from(error: types::PluginError) -> Self {
        match error {
            types::PluginError::UnknownAffordance => Self::UnknownAffordance,
            types::PluginError::InvalidValue(why) => Self::InvalidValue { why: shortened(why) },
            types::PluginError::Busy => Self::Busy,
            types::PluginError::Timeout => Self::Timeout,
            types::PluginError::Io(error) => Self::Io { error: error.into() },
            types::PluginError::Failed(why) => Self::Failed { why: shortened(why) },
        }
    }
}
