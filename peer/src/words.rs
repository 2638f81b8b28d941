//! What people type, the same in the programs of a device and of a person: spans of time, moments, weekly hours, rights.
//!
//! Every parser returns a sentence for whoever typed it, so that an argument parser can show it as it is. Nothing here reads
//! a clock; the zone of the machine is handed in, and which zones there are is looked up in the system's database.

mod allow;
mod duration;
mod moment;

pub use allow::{Allow, Kind, NothingThere};
pub use duration::{duration, show_duration};
pub use moment::{moment, weekly};
