//! The messages between the agent and a host process.
//!
//! Numbers for code, instances and calls are the agent's choice. A host answers each [`ToHost::Load`], `Start`, `Call`
//! and `Stop` exactly once, and the agent each [`FromHost::Ask`]. An instance asks one thing at a time, and a host lets no
//! name or value through that is longer than the limits here: one that does is taken for hostile. Instances never share
//! anything in the host; what an instance may use is decided in the agent, by the group whose socket a question came
//! from.

mod asks;
mod errors;

pub use asks::{Ask, Edge, Level, Reply};
pub use errors::{CallFault, Ended, IoError, PluginError};

use crate::wire::wire_enum;

/// Most bytes of a value in a plugin's durable store, and of all of them together.
pub const MAX_STATE: usize = 64 * 1024;

/// Longest pulse in milliseconds.
pub const MAX_PULSE_MS: u32 = 60_000;

/// Longest logical name, affordance name or key.
pub const MAX_NAME: usize = 128;

/// Longest log line; the rest is cut off.
pub const MAX_LOG_LINE: usize = 1024;

/// Log lines of an instance a second. Enough to follow a plugin, too few to fill a disk.
pub const LOG_RATE: u32 = 20;

/// Log lines of an instance at once.
pub const LOG_BURST: u32 = 100;

wire_enum! {
    /// From the agent to a host.
    pub enum ToHost {
        /// Compiled code comes with this message, as a sealed memory file. Answered by [`FromHost::Loaded`].
        0 => Load {
            /// Its number from now on.
            code: u32,
            /// Its length in bytes.
            length: u64,
        },
        /// Make an instance and call its `init`. Answered by [`FromHost::Started`].
        1 => Start {
            /// Its number from now on.
            instance: u32,
            /// The code that it runs.
            code: u32,
            /// Its limits.
            limits: Limits,
            /// What `init` gets, JSON.
            config: String,
        },
        /// Call an export. Answered by [`FromHost::Returned`].
        2 => Call {
            /// Of this instance.
            instance: u32,
            /// The answer's number.
            id: u64,
            /// What is called.
            call: Call,
        },
        /// Something happened; nobody waits for what the plugin makes of it.
        3 => Happened {
            /// To this instance.
            instance: u32,
            /// What.
            event: Event,
        },
        /// The answer to a [`FromHost::Ask`].
        4 => Answer {
            /// The question's number.
            id: u64,
            /// The answer.
            answer: Result<Reply, IoError>,
        },
        /// Call `shutdown` and drop the instance. Answered by [`FromHost::Ended`].
        5 => Stop {
            /// This instance.
            instance: u32,
        },
        /// No instance will be started from this code again.
        6 => Unload {
            /// This code.
            code: u32,
        },
    }
}

wire_enum! {
    /// A call of an export.
    pub enum Call {
        /// `read-property`.
        0 => Read {
            /// The property.
            name: String,
        },
        /// `write-property`.
        1 => Write {
            /// The property.
            name: String,
            /// JSON.
            value: String,
        },
        /// `invoke-action`.
        2 => Invoke {
            /// The action.
            name: String,
            /// JSON.
            input: Option<String>,
            /// The invocation's number.
            invocation: u64,
            /// How long the caller waits.
            deadline_ms: u32,
        },
    }
}

wire_enum! {
    /// What a call returned.
    pub enum Returned {
        /// A property's value, JSON.
        0 => Value {
            /// JSON.
            json: String,
        },
        /// A property was written.
        1 => Written,
        /// An action is done.
        2 => Done {
            /// JSON.
            output: Option<String>,
        },
        /// An action runs on.
        3 => Pending,
    }
}

wire_enum! {
    /// Something for a plugin's `handle`.
    pub enum Event {
        /// An edge of a watched input.
        0 => GpioEdge {
            /// The watch.
            source: u32,
            /// The level after it.
            active: bool,
            /// When, on the monotonic clock.
            uptime_us: u64,
            /// How many earlier ones it stands for.
            coalesced: u32,
        },
        /// A pending action is to end.
        1 => CancelAction {
            /// The invocation.
            invocation: u64,
        },
    }
}

wire_enum! {
    /// From a host to the agent.
    pub enum FromHost {
        /// It is locked down and takes messages.
        0 => Ready {
            /// Its engine: [`crate::ENGINE`] where the two programs belong together.
            engine: String,
        },
        /// Whether code could be loaded.
        1 => Loaded {
            /// The code.
            code: u32,
            /// Why not.
            result: Result<(), String>,
        },
        /// Whether an instance could be started.
        2 => Started {
            /// The instance.
            instance: u32,
            /// Why not. The instance does not exist then.
            result: Result<(), Ended>,
        },
        /// The end of a call.
        3 => Returned {
            /// The call.
            id: u64,
            /// What it returned.
            result: Result<Returned, CallFault>,
        },
        /// The instance does not exist any more: its calls have been answered.
        4 => Ended {
            /// The instance.
            instance: u32,
            /// Why.
            reason: Ended,
        },
        /// A question of a plugin, which waits for the answer.
        5 => Ask {
            /// Of this instance.
            instance: u32,
            /// The answer's number.
            id: u64,
            /// What it asks.
            ask: Ask,
        },
        /// A plugin's log line.
        6 => Log {
            /// Of this instance.
            instance: u32,
            /// How important it says it is.
            level: Level,
            /// The line.
            message: String,
            /// Lines dropped before it, because they came too fast.
            dropped: u32,
        },
    }
}

/// Limits of an instance, as the host needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: u64,
    /// Processor time of a call, in milliseconds.
    pub cpu_ms: u32,
    /// Time of a call, in milliseconds.
    pub deadline_ms: u32,
    /// Host calls a second.
    pub host_calls_per_second: u32,
}

impl crate::Wire for Limits {
    fn put(&self, out: &mut Vec<u8>) {
        self.memory.put(out);
        [self.cpu_ms, self.deadline_ms, self.host_calls_per_second].iter().for_each(|n| n.put(out));
    }
    fn take(input: &mut crate::Reader<'_>) -> Result<Self, crate::Malformed> {
        Ok(Self {
            memory: u64::take(input)?,
            cpu_ms: u32::take(input)?,
            deadline_ms: u32::take(input)?,
            host_calls_per_second: u32::take(input)?,
        })
    }
}

impl From<&streembit_plugin_api::manifest::Limits> for Limits {
    fn from(limits: &streembit_plugin_api::manifest::Limits) -> Self {
        let millis = |d: std::time::Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
        Self {
            memory: limits.memory,
            cpu_ms: millis(limits.cpu),
            deadline_ms: millis(limits.deadline),
            host_calls_per_second: limits.host_calls_per_second,
        }
    }
}

#[cfg(test)]
mod tests;
