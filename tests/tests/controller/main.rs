//! The person's program against a whole device: daemon, network, journal and rights are real; only the door is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests are tests, too"
)]

mod commands;
mod door;
mod following;
mod guests;
mod journal;
mod many;
mod moving;
mod offers;
mod people;
mod recovery;
mod streams;
mod unlocked;
mod watching;
