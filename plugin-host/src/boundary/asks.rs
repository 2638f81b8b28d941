//! What a plugin can ask the agent for.

use crate::wire::wire_enum;

use streembit_plugin_api::MAX_VALUE;

use super::{MAX_NAME, MAX_STATE, PluginError};

wire_enum! {
    /// A question: one import of the WIT package each.
    pub enum Ask {
        /// `gpio.digital-in.open`, answered by a handle.
        0 => OpenInput {
            /// The logical name.
            name: String,
        },
        /// `gpio.digital-out.open`, answered by a handle.
        1 => OpenOutput {
            /// The logical name.
            name: String,
        },
        /// The resource was dropped.
        2 => Close {
            /// The handle.
            handle: u32,
        },
        /// `is-active` of either.
        3 => IsActive {
            /// The handle.
            handle: u32,
        },
        /// `digital-out.set-active`.
        4 => SetActive {
            /// The handle.
            handle: u32,
            /// The level.
            active: bool,
        },
        /// `digital-out.pulse`.
        5 => Pulse {
            /// The handle.
            handle: u32,
            /// Its length.
            duration_ms: u32,
        },
        /// `digital-in.watch`. The host chooses the number of the source.
        6 => Watch {
            /// The handle.
            handle: u32,
            /// What its edges are to be called.
            source: u32,
            /// Which edges.
            edge: Edge,
            /// How long a level must hold.
            debounce_us: u32,
        },
        /// `state.get`.
        7 => StateGet {
            /// The key.
            key: String,
        },
        /// `state.set`.
        8 => StateSet {
            /// The key.
            key: String,
            /// The value.
            value: Vec<u8>,
        },
        /// `state.delete`.
        9 => StateDelete {
            /// The key.
            key: String,
        },
        /// `state.keys`.
        10 => StateKeys,
        /// `thing.property-changed`.
        11 => PropertyChanged {
            /// The property.
            name: String,
            /// JSON.
            value: String,
        },
        /// `thing.emit-event`.
        12 => EmitEvent {
            /// The event.
            name: String,
            /// JSON.
            data: Option<String>,
        },
        /// `thing.complete-action`.
        13 => CompleteAction {
            /// The invocation.
            invocation: u64,
            /// How it ended.
            outcome: Result<Option<String>, PluginError>,
        },
    }
}

impl Ask {
    /// Whether every name and value is as short as a host has to see to.
    pub fn is_bounded(&self) -> bool {
        let is_value = |text: &String| text.len() <= MAX_VALUE;
        match self {
            Self::OpenInput { name }
            | Self::OpenOutput { name }
            | Self::StateGet { key: name }
            | Self::StateDelete { key: name } => name.len() <= MAX_NAME,
            Self::StateSet { key, value } => key.len() <= MAX_NAME && value.len() <= MAX_STATE,
            Self::PropertyChanged { name, value } => name.len() <= MAX_NAME && is_value(value),
            Self::EmitEvent { name, data } => name.len() <= MAX_NAME && data.as_ref().is_none_or(is_value),
            Self::CompleteAction { outcome, .. } => match outcome {
                Ok(output) => output.as_ref().is_none_or(is_value),
                // Whoever shows an explanation shortens it.
                Err(_) => true,
            },
            Self::Close { .. }
            | Self::IsActive { .. }
            | Self::SetActive { .. }
            | Self::Pulse { .. }
            | Self::Watch { .. }
            | Self::StateKeys => true,
        }
    }
}

wire_enum! {
    /// A good answer to an [`Ask`].
    pub enum Reply {
        /// It is done.
        0 => Done,
        /// Something was opened.
        1 => Handle {
            /// Its number.
            handle: u32,
        },
        /// A level.
        2 => Level {
            /// Whether it is active.
            active: bool,
        },
        /// A stored value.
        3 => Stored {
            /// The value, where there is one.
            value: Option<Vec<u8>>,
        },
        /// The keys of the store.
        4 => Keys {
            /// All of them.
            keys: Vec<String>,
        },
    }
}

wire_enum! {
    /// Which edges of an input.
    pub enum Edge {
        /// To active.
        0 => Rising,
        /// To inactive.
        1 => Falling,
        /// Either.
        2 => Both,
    }
}

wire_enum! {
    /// How important a log line is, as the plugin says.
    pub enum Level {
        /// Noise.
        0 => Trace,
        /// For its author.
        1 => Debug,
        /// For whoever looks.
        2 => Info,
        /// Something is odd.
        3 => Warn,
        /// Something failed.
        4 => Error,
    }
}
