use std::time::Duration;

use crate::gpio::Edge;
use crate::log::Level;
use crate::mock::{Call, Notice, World};
use crate::{Error, IoError, Value};

#[derive(Debug)]
pub(crate) struct Input(String);

#[derive(Debug)]
pub(crate) struct Output(String);

impl Input {
    pub(crate) fn open(name: &str) -> Result<Self, IoError> {
        World::with(|world| world.inputs.contains_key(name).then(|| Self(name.to_owned())))
            .ok_or_else(|| IoError::Denied(name.to_owned()))
    }

    pub(crate) fn is_active(&self) -> Result<bool, IoError> {
        Ok(World::with(|world| world.inputs.get(&self.0).is_some_and(|input| input.active)))
    }

    pub(crate) fn watch(&self, edge: Edge, _: u32) -> Result<u32, IoError> {
        World::with(|world| {
            let source = world.source();
            if let Some(input) = world.inputs.get_mut(&self.0) {
                input.watch = Some((source, edge));
            }
            Ok(source)
        })
    }
}

impl Output {
    pub(crate) fn open(name: &str) -> Result<Self, IoError> {
        World::with(|world| world.outputs.contains_key(name).then(|| Self(name.to_owned())))
            .ok_or_else(|| IoError::Denied(name.to_owned()))
    }

    pub(crate) fn set_active(&self, active: bool) -> Result<(), IoError> {
        World::with(|world| {
            world.outputs.insert(self.0.clone(), active);
            world.calls.push(Call::Set { output: self.0.clone(), active });
            Ok(())
        })
    }

    pub(crate) fn is_active(&self) -> Result<bool, IoError> {
        Ok(World::with(|world| world.outputs.get(&self.0).copied().unwrap_or(false)))
    }

    pub(crate) fn pulse(&self, duration_ms: u32) -> Result<(), IoError> {
        let length = Duration::from_millis(duration_ms.into());
        World::with(|world| world.calls.push(Call::Pulse { output: self.0.clone(), length }));
        Ok(())
    }
}

pub(crate) fn log(level: Level, message: &str) {
    World::with(|world| world.log.push((level, message.to_owned())));
}

pub(crate) fn state_get(key: &str) -> Result<Option<Vec<u8>>, IoError> {
    Ok(World::with(|world| world.state.get(key).cloned()))
}

pub(crate) fn state_set(key: &str, value: &[u8]) -> Result<(), IoError> {
    World::with(|world| world.state.insert(key.to_owned(), value.to_vec()));
    Ok(())
}

pub(crate) fn state_delete(key: &str) -> Result<(), IoError> {
    World::with(|world| world.state.remove(key));
    Ok(())
}

pub(crate) fn state_keys() -> Result<Vec<String>, IoError> {
    Ok(World::with(|world| world.state.keys().cloned().collect()))
}

pub(crate) fn property_changed(name: &str, value: &Value) -> Result<(), IoError> {
    let notice = Notice::Property { name: name.to_owned(), value: value.clone() };
    World::with(|world| world.notices.push(notice));
    Ok(())
}

pub(crate) fn emit_event(name: &str, data: Option<&Value>) -> Result<(), IoError> {
    let notice = Notice::Event { name: name.to_owned(), data: data.cloned() };
    World::with(|world| world.notices.push(notice));
    Ok(())
}

pub(crate) fn complete_action(id: u64, outcome: Result<Option<Value>, Error>) -> Result<(), IoError> {
    World::with(|world| world.notices.push(Notice::ActionDone { id, outcome }));
    Ok(())
}

pub(crate) fn uptime() -> Duration {
    World::with(|world| world.now)
}

pub(crate) fn unix_time() -> Duration {
    World::with(|world| world.now)
}

pub(crate) fn timer_start(delay_ms: u32, period_ms: Option<u32>) -> Result<u32, IoError> {
    let millis = |ms: u32| Duration::from_millis(ms.into());
    Ok(World::with(|world| {
        let source = world.source();
        world.timers.insert(source, (world.now + millis(delay_ms), period_ms.map(millis)));
        source
    }))
}

pub(crate) fn timer_cancel(id: u32) {
    World::with(|world| world.timers.remove(&id));
}
