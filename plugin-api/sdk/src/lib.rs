//! What a device plugin is written with.
//!
//! A plugin is one type that implements [`Plugin`], and one line that makes a component of it:
//!
//! ```
//! use streembit_plugin_sdk::{Completion, Error, Invocation, Plugin, Value, gpio::Output};
//!
//! struct Bell(Output);
//!
//! impl Plugin for Bell {
//!     type Config = ();
//!
//!     fn start(_: ()) -> Result<Self, Error> {
//!         Ok(Self(Output::open("bell")?))
//!     }
//!
//!     fn invoke_action(&mut self, name: &str, _: Option<Value>, _: Invocation) -> Result<Completion, Error> {
//!         match name {
//!             "ring" => self.0.pulse(std::time::Duration::from_millis(300))?,
//!             _ => return Err(Error::UnknownAffordance),
//!         }
//!         Ok(Completion::Done(None))
//!     }
//! }
//!
//! streembit_plugin_sdk::plugin!(Bell);
//! ```
//!
//! The agent has checked each value against the Thing Model before a plugin sees it. What a plugin opens is a *logical
//! name* of its manifest. There are no threads and no polling: edges and ticks arrive at [`Plugin::handle`].
//!
//! Built for anything but WebAssembly, the same code runs on [`mock`], so that a plugin's unit tests are plain
//! `cargo test`.

mod backend;
mod error;
pub mod gpio;
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod mock;
pub mod state;
pub mod thing;
pub mod timer;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod wasm;

pub use error::{Error, IoError};
pub use serde_json::{Value, json};

/// A device plugin.
pub trait Plugin: Sized + 'static {
    /// The settings that an owner may write into the config file; `()` for none.
    type Config: serde::de::DeserializeOwned;

    /// Begins: opens what it needs. An error keeps the plugin from running and is shown to the owner.
    fn start(config: Self::Config) -> Result<Self, Error>;

    /// The value of a property.
    fn read_property(&mut self, name: &str) -> Result<Value, Error> {
        let _ = name;
        Err(Error::UnknownAffordance)
    }

    /// Changes a property.
    fn write_property(&mut self, name: &str, value: Value) -> Result<(), Error> {
        let _ = (name, value);
        Err(Error::UnknownAffordance)
    }

    /// Does something. What takes longer than `call.deadline` answers [`Completion::Pending`] and ends with
    /// [`thing::complete_action`].
    fn invoke_action(
        &mut self,
        name: &str,
        input: Option<Value>,
        call: Invocation,
    ) -> Result<Completion, Error> {
        let _ = (name, input, call);
        Err(Error::UnknownAffordance)
    }

    /// Something happened that the plugin asked to hear of.
    fn handle(&mut self, event: Event) -> Result<(), Error> {
        let _ = event;
        Ok(())
    }

    /// Ends. What was opened is closed by itself.
    fn stop(&mut self) {}
}

/// One call of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation {
    /// Names it in [`thing::complete_action`] and in [`Event::CancelAction`].
    pub id: u64,
    /// How long the caller waits for the first answer.
    pub deadline: std::time::Duration,
}

/// What an action answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// It is done.
    Done(Option<Value>),
    /// It runs on.
    Pending,
}

/// A watch or a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(pub(crate) u32);

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A timer went off.
    Tick(Source),
    /// A watched input changed.
    Edge {
        /// The watch.
        source: Source,
        /// The level after it.
        active: bool,
        /// When, on the clock of [`thing::uptime`].
        at: std::time::Duration,
        /// How many earlier edges this one stands for.
        coalesced: u32,
    },
    /// The plugin was too slow for this many events.
    Lost(u32),
    /// This pending action is to end.
    CancelAction(u64),
}

/// Makes a type that implements [`Plugin`] the one of this component.
#[macro_export]
macro_rules! plugin {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static PLUGIN: ::std::cell::RefCell<::std::option::Option<$plugin>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }
            $crate::__export!(PLUGIN);
        };

        // Elsewhere nothing exports it; it is used all the same.
        #[cfg(not(target_family = "wasm"))]
        const _: fn(<$plugin as $crate::Plugin>::Config) -> ::std::result::Result<$plugin, $crate::Error> =
            <$plugin as $crate::Plugin>::start;
    };
}

#[cfg(test)]
mod tests;
