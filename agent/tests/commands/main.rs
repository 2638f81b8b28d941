//! Commands through real sessions: each test lets people into a house whose door counts how often it moved.

#![allow(missing_docs, unreachable_pub)]
// Most of this is helpers, which clippy does not take for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod actions;
mod crowds;
mod denial_matrix;
mod device;
mod grants;
mod hostile;
mod house;
mod journal;
mod lines;
mod log;
mod long_answers;
mod once;
mod pairing;
mod revocation;
mod stand_in;
mod subscriptions;
mod values;
