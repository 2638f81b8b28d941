//! The local owner's door: a socket in the data folder that only the agent's own user can open.
//!
//! It speaks JSON lines: `{"call":"pair","args":{…}}` and back `{"ok":…}` or `{"error":{"exit","message","remedy"}}`. Whoever
//! can open it can read the device's key file too, so it grants nothing that its caller did not have.
//!
//! [`serve`] answers in the running agent, [`Client`] asks from the command line.

pub mod answer;
mod call;
mod client;
mod failure;
mod server;

pub use call::{AdmitArgs, Allowance, Call, InviteArgs, PairArgs};
pub use client::Client;
pub use failure::Failure;
pub use server::{Handler, Reply, bind, serve};

/// Longest request line: the grants of an invitation, with room.
const MAX_CALL: usize = 64 * 1024;

/// Longest answer line: a page of the journal. Also what the client is ready to read.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
