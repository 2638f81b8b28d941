//! Everything here runs the real programs: a compiler and a host process, on a simulated chip.

mod bench;
mod cached;
mod door;
mod host;
mod hostile;
mod starting;
mod taken_over;
mod world;
