//! The device as its owner has it: the daemon put together, and the program in a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests are tests, too")]
#![allow(unreachable_pub, reason = "a test's modules have no other outside than the test")]

mod commands;
mod daemon;
#[path = "../commands/log.rs"]
mod log;
mod metrics;
mod offers;
mod person;
mod process;
mod security;
mod settings;
mod support;
mod watchdog;
