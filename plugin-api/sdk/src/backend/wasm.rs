use std::time::Duration;

use crate::gpio::Edge;
use crate::log::Level;
use crate::wasm::bindings::streembit::plugin::{gpio, log as host_log, state, thing, timer, types};
use crate::{Error, IoError, Value};

#[derive(Debug)]
pub(crate) struct Input(gpio::DigitalIn);

#[derive(Debug)]
pub(crate) struct Output(gpio::DigitalOut);

impl Input {
    pub(crate) fn open(name: &str) -> Result<Self, IoError> {
        Ok(Self(gpio::DigitalIn::open(name)?))
    }

    pub(crate) fn is_active(&self) -> Result<bool, IoError> {
        Ok(self.0.is_active()?)
    }

    pub(crate) fn watch(&self, edge: Edge, debounce_us: u32) -> Result<u32, IoError> {
        let edge = match edge {
            Edge::Rising => types::Edge::Rising,
            Edge::Falling => types::Edge::Falling,
            Edge::Both => types::Edge::Both,
        };
        Ok(self.0.watch(edge, debounce_us)?)
    }
}

impl Output {
    pub(crate) fn open(name: &str) -> Result<Self, IoError> {
        Ok(Self(gpio::DigitalOut::open(name)?))
    }

    pub(crate) fn set_active(&self, active: bool) -> Result<(), IoError> {
        Ok(self.0.set_active(active)?)
    }

    pub(crate) fn is_active(&self) -> Result<bool, IoError> {
        Ok(self.0.is_active()?)
    }

    pub(crate) fn pulse(&self, duration_ms: u32) -> Result<(), IoError> {
        Ok(self.0.pulse(duration_ms)?)
    }
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => host_log::Level::Trace,
        Level::Debug => host_log::Level::Debug,
        Level::Info => host_log::Level::Info,
        Level::Warn => host_log::Level::Warn,
        Level::Error => host_log::Level::Error,
    };
    host_log::log(level, message);
}

pub(crate) fn state_get(key: &str) -> Result<Option<Vec<u8>>, IoError> {
    Ok(state::get(key)?)
}

pub(crate) fn state_set(key: &str, value: &[u8]) -> Result<(), IoError> {
    Ok(state::set(key, value)?)
}

pub(crate) fn state_delete(key: &str) -> Result<(), IoError> {
    Ok(state::delete(key)?)
}

pub(crate) fn state_keys() -> Result<Vec<String>, IoError> {
    Ok(state::keys()?)
}

pub(crate) fn property_changed(name: &str, value: &Value) -> Result<(), IoError> {
    Ok(thing::property_changed(name, &value.to_string())?)
}

pub(crate) fn emit_event(name: &str, data: Option<&Value>) -> Result<(), IoError> {
    Ok(thing::emit_event(name, data.map(Value::to_string).as_deref())?)
}

pub(crate) fn complete_action(id: u64, outcome: Result<Option<Value>, Error>) -> Result<(), IoError> {
    let outcome =
        outcome.map(|output| output.map(|value| value.to_string())).map_err(types::PluginError::from);
    Ok(thing::complete_action(id, outcome.as_ref().map(Option::as_deref))?)
}

pub(crate) fn uptime() -> Duration {
    Duration::from_millis(thing::uptime_ms())
}

pub(crate) fn unix_time() -> Duration {
    Duration::from_millis(thing::now_unix_ms())
}

pub(crate) fn timer_start(delay_ms: u32, period_ms: Option<u32>) -> Result<u32, IoError> {
    Ok(timer::start(delay_ms, period_ms)?)
}

pub(crate) fn timer_cancel(id: u32) {
    timer::cancel(id);
}
