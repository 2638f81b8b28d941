//! The programs on a machine on which things go wrong: they die, the disk is full, what comes in is nonsense.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests are tests, too"
)]

mod bad_input;
mod bad_peer;
mod everywhere;
mod full_disk;
mod killed;
