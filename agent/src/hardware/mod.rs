//! Digital lines, whatever drives them.
//!
//! A [`Gpio`] back end opens physical lines: [`Linux`] through the character device, [`Simulated`] in a folder that
//! tests and the demo look into. [`Hardware`] is the registry above it: a [`Binding`] says which line an owner gave to
//! a logical name, and no line is ever opened twice. This module knows neither plugins nor callers.

mod binding;
mod input;
mod lines;
mod linux;
mod look;
mod output;
mod simulated;

use std::time::Duration;

pub use binding::{Bias, Binding, BindingError, Direction, Line, LineId};
pub use input::{Edge, EdgeKind, Edges, Input, monotonic};
pub use linux::{CONSUMER, Linux};
pub use look::{Use, look};
pub use output::Output;
pub use simulated::{Movement, Simulated};

use lines::{Held, Lines};

/// Opens physical lines.
pub trait Gpio: Send + Sync {
    /// Takes the line as an output, in its safe state.
    fn output(&self, binding: &Binding) -> Result<Box<dyn OutputLine>, HardwareError>;

    /// Takes the line as an input.
    fn input(&self, binding: &Binding) -> Result<Box<dyn InputLine>, HardwareError>;
}

/// One physical line that is driven. Active means what the binding says: low for an active-low line.
pub trait OutputLine: Send + Sync {
    /// Drives the line now.
    fn drive(&self, drive: Drive) -> Result<(), HardwareError>;

    /// What the line is driven to.
    fn is_active(&self) -> Result<bool, HardwareError>;
}

/// Why a line is driven: the level, and for the simulation what to write down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// To this level, until something else is asked.
    Hold(bool),
    /// Active: a pulse of this length begins.
    Pulse(Duration),
    /// Inactive: the pulse is over.
    PulseEnd,
    /// To its safe state: nobody holds it any more.
    Safe(bool),
}

impl Drive {
    /// The level that it asks for.
    pub fn active(self) -> bool {
        match self {
            Self::Hold(active) | Self::Safe(active) => active,
            Self::Pulse(_) => true,
            Self::PulseEnd => false,
        }
    }
}

/// One physical line that is read.
pub trait InputLine: Send + Sync {
    /// Whether it is active now.
    fn is_active(&self) -> Result<bool, HardwareError>;

    /// Its edges from now on. One watch a line.
    fn watch(&self, kind: EdgeKind, debounce: Duration) -> Result<Edges, HardwareError>;
}

/// Why a line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HardwareError {
    /// No such chip or line, or not as this direction.
    #[error("{line}: no such line: {reason}")]
    NoSuchLine {
        /// The line.
        line: String,
        /// What the back end says.
        reason: String,
    },
    /// Somebody holds the line already.
    #[error("{line} is in use")]
    InUse {
        /// The line.
        line: String,
    },
    /// The line failed.
    #[error("{line}: {reason}")]
    Failed {
        /// The line.
        line: String,
        /// What the back end says.
        reason: String,
    },
}

/// Every line of this device, each opened at most once.
pub struct Hardware {
    gpio: Box<dyn Gpio>,
    lines: Lines,
}

impl Hardware {
    /// The lines of this back end.
    pub fn new(gpio: impl Gpio + 'static) -> Self {
        Self { gpio: Box::new(gpio), lines: Lines::default() }
    }

    /// Opens the line of `binding` as an output, in its safe state unless a pulse still runs on it.
    pub fn output(&self, binding: &Binding) -> Result<Output, HardwareError> {
        binding.require(Direction::Output)?;
        Output::open(&*self.gpio, binding, &self.lines)
    }

    /// Opens the line of `binding` as an input.
    pub fn input(&self, binding: &Binding) -> Result<Input, HardwareError> {
        binding.require(Direction::Input)?;
        let held = Held::new(&self.lines, &binding.line)?;
        Ok(Input::new(self.gpio.input(binding)?, held))
    }
}

#[cfg(test)]
mod tests;
