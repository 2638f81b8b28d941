//! A world for unit tests: lines, time and whoever listens, all in this thread.
//!
//! ```
//! use streembit_plugin_sdk::{gpio::Input, mock};
//!
//! mock::grant_input("switch", true);
//! assert!(Input::open("switch").unwrap().is_active().unwrap());
//! assert!(Input::open("other").is_err());
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::gpio::Edge;
use crate::log::Level;
use crate::{Error, Event, Plugin, Source, Value};

/// Something that a plugin did to an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// It was set.
    Set {
        /// Its name.
        output: String,
        /// To this level.
        active: bool,
    },
    /// It was pulsed.
    Pulse {
        /// Its name.
        output: String,
        /// For so long.
        length: Duration,
    },
}

/// Something that a plugin told the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A property changed.
    Property {
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// An event happened.
    Event {
        /// Its name.
        name: String,
        /// Its data.
        data: Option<Value>,
    },
    /// A pending action ended.
    ActionDone {
        /// The invocation.
        id: u64,
        /// How.
        outcome: Result<Option<Value>, Error>,
    },
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) inputs: BTreeMap<String, Line>,
    pub(crate) outputs: BTreeMap<String, bool>,
    pub(crate) calls: Vec<Call>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) timers: BTreeMap<u32, (Duration, Option<Duration>)>,
    pub(crate) now: Duration,
    last_source: u32,
}

pub(crate) struct Line {
    pub(crate) active: bool,
    pub(crate) watch: Option<(u32, Edge)>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

impl World {
    pub(crate) fn with<T>(look: impl FnOnce(&mut Self) -> T) -> T {
        WORLD.with_borrow_mut(look)
    }

    pub(crate) fn source(&mut self) -> u32 {
        self.last_source += 1;
        self.last_source
    }
}

/// Begins anew: nothing is granted, nothing has happened.
pub fn reset() {
    World::with(|world| *world = World::default());
}

/// Grants an input, at this level.
pub fn grant_input(name: &str, active: bool) {
    World::with(|world| world.inputs.insert(name.to_owned(), Line { active, watch: None }));
}

/// Grants an output.
pub fn grant_output(name: &str) {
    World::with(|world| world.outputs.insert(name.to_owned(), false));
}

/// Changes an input; the plugin hears of it where it watches.
pub fn set_input(plugin: &mut impl Plugin, name: &str, active: bool) -> Result<(), Error> {
    let event = World::with(|world| {
        let at = world.now;
        let line = world.inputs.get_mut(name)?;
        let changed = std::mem::replace(&mut line.active, active) != active;
        let (source, edge) = line.watch?;
        let wanted =
            matches!((edge, active), (Edge::Both, _) | (Edge::Rising, true) | (Edge::Falling, false));
        (changed && wanted).then_some(Event::Edge { source: Source(source), active, at, coalesced: 0 })
    });
    event.map_or(Ok(()), |event| plugin.handle(event))
}

/// Lets time pass; the plugin's timers go off on the way.
pub fn advance(plugin: &mut impl Plugin, time: Duration) -> Result<(), Error> {
    let end = World::with(|world| world.now + time);
    loop {
        let due = World::with(|world| {
            let (&source, &(at, period)) =
                world.timers.iter().filter(|(_, (at, _))| *at <= end).min_by_key(|(_, (at, _))| *at)?;
            world.now = at;
            match period {
                Some(period) => world.timers.insert(source, (at + period, Some(period))),
                None => world.timers.remove(&source),
            };
            Some(Source(source))
        });
        match due {
            Some(source) => plugin.handle(Event::Tick(source))?,
            None => break,
        }
    }
    World::with(|world| world.now = end);
    Ok(())
}

/// What was done to outputs since the last look.
pub fn calls() -> Vec<Call> {
    World::with(|world| std::mem::take(&mut world.calls))
}

/// What was told since the last look.
pub fn notices() -> Vec<Notice> {
    World::with(|world| std::mem::take(&mut world.notices))
}

/// What was logged since the last look.
pub fn log() -> Vec<(Level, String)> {
    World::with(|world| std::mem::take(&mut world.log))
}
