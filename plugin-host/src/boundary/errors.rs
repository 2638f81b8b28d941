//! How calls, imports and instances end badly.

use std::fmt;

use crate::wire::wire_enum;

wire_enum! {
    /// Why an import did not do what was asked: `io-error` of the WIT package.
    pub enum IoError {
        /// Not asked for in the manifest, or not granted.
        0 => Denied {
            /// Which.
            what: String,
        },
        /// Granted as something else.
        1 => Unsupported {
            /// Which.
            what: String,
        },
        /// Too many, too much, too often.
        2 => Quota {
            /// Of what.
            what: String,
        },
        /// No answer in time.
        3 => Timeout,
        /// The other end is gone.
        4 => Disconnected,
        /// It failed.
        5 => Fault {
            /// How.
            what: String,
        },
    }
}

wire_enum! {
    /// What an export answers when it cannot: `plugin-error` of the WIT package.
    pub enum PluginError {
        /// No such property or action.
        0 => UnknownAffordance,
        /// The schema allows the value, the plugin does not.
        1 => InvalidValue {
            /// Why.
            why: String,
        },
        /// Not now.
        2 => Busy,
        /// It took too long.
        3 => Timeout,
        /// An import failed.
        4 => Io {
            /// How.
            error: IoError,
        },
        /// It failed.
        5 => Failed {
            /// How.
            why: String,
        },
    }
}

wire_enum! {
    /// Why a call has no answer from the plugin.
    pub enum CallFault {
        /// The plugin's own error.
        0 => Plugin {
            /// It.
            error: PluginError,
        },
        /// The instance ended while the call ran.
        1 => Ended {
            /// Why.
            reason: Ended,
        },
        /// The call never began: the instance had ended, or does not exist.
        2 => NotStarted,
        /// The call never began: too many wait.
        3 => Busy,
    }
}

wire_enum! {
    /// Why an instance does not exist any more.
    pub enum Ended {
        /// It was stopped.
        0 => Stopped,
        /// It trapped: a bug, or it ran out of stack or memory.
        1 => Trapped {
            /// What the engine says.
            what: String,
        },
        /// A call used up its processor time.
        2 => CpuBudget,
        /// A call took longer than its deadline.
        3 => Deadline,
        /// Its `init` answered with an error.
        4 => Refused {
            /// The error.
            error: PluginError,
        },
        /// The component is not of this API, or there is no room for it.
        5 => Unfit {
            /// What the engine says.
            what: String,
        },
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { what } => write!(f, "not granted: {what}"),
            Self::Unsupported { what } => write!(f, "unsupported: {what}"),
            Self::Quota { what } => write!(f, "too much: {what}"),
            Self::Timeout => f.write_str("timed out"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::Fault { what } => f.write_str(what),
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAffordance => f.write_str("the plugin does not know this affordance"),
            Self::InvalidValue { why } | Self::Failed { why } => f.write_str(why),
            Self::Busy => f.write_str("the plugin is busy"),
            Self::Timeout => f.write_str("the plugin says that it took too long"),
            Self::Io { error } => error.fmt(f),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Trapped { what } => write!(f, "the plugin trapped: {what}"),
            Self::CpuBudget => f.write_str("the plugin used up its processor time"),
            Self::Deadline => f.write_str("the plugin did not answer in time"),
            Self::Refused { error } => write!(f, "the plugin did not start: {error}"),
            Self::Unfit { what } => write!(f, "the component does not fit: {what}"),
        }
    }
}
