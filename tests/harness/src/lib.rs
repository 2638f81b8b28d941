//! A device and its people as processes on this machine, for the demo and the whole-system tests.
//!
//! [`book`] does what the book says.
//!
//! It knows the programs by their command lines only, as a user does. Every process that it starts ends with the value
//! that stands for it, by its id; everything that it writes lies in one temporary folder.

mod apart;
pub mod book;
mod device;
mod door;
mod journal;
mod person;
mod process;
mod programs;
mod seeded;
mod told;
pub mod usage;

pub use apart::{LAN, apart};
pub use device::Device;
pub use door::{Door, Motor};
pub use journal::Requests;
pub use person::Person;
pub use process::{Finished, Running};
pub use programs::Programs;
pub use seeded::Seeded;
pub use told::Told;
