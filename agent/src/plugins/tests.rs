//! Everything here runs the real programs: a compiler and a host process, on a simulated chip.

mod cached;
mod door;
mod world;
