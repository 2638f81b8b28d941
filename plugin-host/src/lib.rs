//! What the agent and the processes of the sandbox say to each other.
//!
//! Three programs meet here. The *agent* has the keys, the network and the hardware. A *host* process
//! (`streembit-plugin-host`) runs plugins: it gets compiled code and calls ([`boundary::ToHost`]) and can only ask
//! ([`boundary::FromHost`]). A *compiler* process (`streembit-plugin-compiler`) turns one component into code and ends
//! ([`compiled`]). The line between them is a trust boundary: whatever a host or a compiler sends is parsed here with
//! limits, and believed about nothing but itself.
//!
//! No I/O happens in this crate, and it does not know the WebAssembly engine: the agent links none.

pub mod boundary;
pub mod compiled;
mod frame;
mod rate;
mod wire;

pub use frame::{Frames, MAX_MESSAGE, TooLong, frame};
pub use rate::Rate;
pub use wire::{Malformed, Reader, Wire};

/// The engine and its settings. Code compiled for another is never run: the number after the slash counts every change
/// of `plugin-host/engine`'s settings.
pub const ENGINE: &str = "wasmtime-48.0.8/1";
