//! The programs as they are shipped, on a machine on which things go wrong: they are killed, the disk is full, what comes in
//! is nonsense.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests are tests, too"
)]

mod full_disk;
mod killed;
mod seeded;
