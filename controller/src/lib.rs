//! The person's program, `streembit`, as a library that its binary, the demo and the whole-system tests share.
//!
//! A command line ([`cli`]) names one of the [`commands`], each a function from a [`desk::Desk`] and its arguments to what
//! it found. A desk has the [`home`] folder (account, contacts) and a [`door`] to devices: either the account's key in this
//! process ([`person`]), or the process that `streembit unlock` left behind ([`unlock`]). What was found is printed in
//! [`output`] and nowhere else; what went wrong is an [`error::Failure`] with an exit code and a remedy.
//!
//! [`address`] and [`value`] turn what people type into what devices take, given the [`directory`] of what they may use;
//! [`grants`] does so for rights, which [`rights`] changes, and [`naming`] for what a device calls itself. [`offer`] reads
//! the contact offers of others. [`journal`] checks what a device says that it did.

pub mod address;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod desk;
pub mod directory;
pub mod door;
pub mod error;
pub mod grants;
pub mod home;
pub mod journal;
pub mod naming;
pub mod offer;
pub mod output;
pub mod passcode;
pub mod person;
pub mod rights;
pub mod unlock;
pub mod value;
