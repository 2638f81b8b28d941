//! A door whose controller has push-button inputs: one relay each presses open, close and stop.
//!
//! Each action is exactly one pulse of one relay, so what moved can be counted. Two end switches, where they are
//! wired, say where the door is; without them the state is what the last button asked for.

mod door;

use std::time::Duration;

use streembit_plugin_sdk::gpio::{Edge, Input, Output};
use streembit_plugin_sdk::{
    Completion, Error, Event, Invocation, IoError, Plugin, Source, Value, json, log, thing,
};

use door::{Button, Door};

/// End switches and light barriers bounce for some milliseconds.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// The settings in the config file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// How long a button is pressed, in milliseconds. Most controllers want 200 to 500.
    pulse_ms: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pulse_ms: 300 }
    }
}

struct GpioSwitch {
    open: Output,
    close: Output,
    stop: Output,
    open_switch: Option<Switch>,
    closed_switch: Option<Switch>,
    obstruction: Option<Switch>,
    pulse: Duration,
    door: Door,
}

/// A watched input.
struct Switch {
    line: Input,
    source: Source,
}

impl Switch {
    /// The switch of that name, and whether it is active; nothing where the owner wired none.
    fn open(name: &str) -> Result<Option<Self>, IoError> {
        let Some(line) = Input::open_optional(name)? else { return Ok(None) };
        let source = line.watch(Edge::Both, DEBOUNCE)?;
        Ok(Some(Self { line, source }))
    }

    fn is_active(switch: Option<&Self>) -> Result<bool, IoError> {
        switch.map_or(Ok(false), |switch| switch.line.is_active())
    }
}

impl Plugin for GpioSwitch {
    type Config = Settings;

    fn start(settings: Settings) -> Result<Self, Error> {
        if settings.pulse_ms == 0 {
            return Err(Error::InvalidValue("pulse-ms must be at least 1".to_owned()));
        }
        let mut switch = Self {
            open: Output::open("open")?,
            close: Output::open("close")?,
            stop: Output::open("stop")?,
            open_switch: Switch::open("open-switch")?,
            closed_switch: Switch::open("closed-switch")?,
            obstruction: Switch::open("obstruction")?,
            pulse: Duration::from_millis(settings.pulse_ms.into()),
            door: Door::default(),
        };
        switch.look()?;
        Ok(switch)
    }

    fn read_property(&mut self, name: &str) -> Result<Value, Error> {
        match name {
            "state" => Ok(json!(self.door.state().as_str())),
            "obstructed" => Ok(json!(self.door.obstructed)),
            _ => Err(Error::UnknownAffordance),
        }
    }

    fn invoke_action(&mut self, name: &str, _: Option<Value>, _: Invocation) -> Result<Completion, Error> {
        let (line, button) = match name {
            "open" => (&self.open, Button::Open),
            "close" if self.door.obstructed => {
                return Err(Error::Failed("something is in the door's way".to_owned()));
            }
            "close" => (&self.close, Button::Close),
            "stop" => (&self.stop, Button::Stop),
            _ => return Err(Error::UnknownAffordance),
        };
        line.pulse(self.pulse)?;
        self.changing(|door| door.pressed(button));
        Ok(Completion::Done(None))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Edge { source, active, .. } => {
                let is =
                    |switch: &Option<Switch>| switch.as_ref().is_some_and(|switch| switch.source == source);
                let (open, closed, obstruction) =
                    (is(&self.open_switch), is(&self.closed_switch), is(&self.obstruction));
                self.changing(|door| match () {
                    () if open => door.at_open(active),
                    () if closed => door.at_closed(active),
                    () if obstruction => door.obstructed = active,
                    () => {}
                });
                Ok(())
            }
            // Edges were dropped: only the lines know what is true now.
            Event::Lost(_) => self.look().map_err(Error::from),
            Event::Tick(_) | Event::CancelAction(_) => Ok(()),
        }
    }
}

impl GpioSwitch {
    /// Takes the door's state from its switches.
    fn look(&mut self) -> Result<(), IoError> {
        let open = Switch::is_active(self.open_switch.as_ref())?;
        let closed = Switch::is_active(self.closed_switch.as_ref())?;
        let obstructed = Switch::is_active(self.obstruction.as_ref())?;
        self.changing(|door| {
            door.at_open(open);
            door.at_closed(closed);
            door.obstructed = obstructed;
        });
        Ok(())
    }

    /// Changes what is known of the door, and tells whoever observes it.
    fn changing(&mut self, change: impl FnOnce(&mut Door)) {
        let before = self.door;
        change(&mut self.door);
        let (state, obstructed) = (self.door.state(), self.door.obstructed);
        let told = [
            (before.state() != state).then(|| thing::property_changed("state", &json!(state.as_str()))),
            (before.obstructed != obstructed)
                .then(|| thing::property_changed("obstructed", &json!(obstructed))),
            (!before.obstructed && obstructed)
                .then(|| thing::emit_event("obstruction", Some(&json!(before.state().as_str())))),
        ];
        for error in told.into_iter().flatten().filter_map(Result::err) {
            log::warn(&format!("a change could not be told: {error}"));
        }
    }
}

streembit_plugin_sdk::plugin!(GpioSwitch);

#[cfg(test)]
mod tests;
