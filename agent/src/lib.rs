//! The device's daemon, as a library that its program and the whole-system tests share.
//!
//! A command comes in through [`session`], walks the typed steps of [`command`], which asks [`access`] for a permit and
//! [`journal`] for a durable record, and ends at a [`things::Thing`]: a plugin behind [`plugins`], or the device
//! itself ([`device`]). [`hardware`] does what a plugin's grant allows. [`control`] is the local owner's door, [`config`]
//! the one file that people edit, [`clock`] the only reader of the wall clock, [`json_text`] how values wait, [`liveness`] what
//! systemd's watchdog is fed by, [`check`] the list of what can be wrong,
//! [`backup`] is all of it that another machine needs to be this device, [`metrics`] what is counted, [`security_log`] what the log tells of those who try.

pub mod access;
pub mod backup;
pub mod check;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod daemon;
pub mod device;
pub mod failpoint;
pub mod hardware;
pub mod identity;
pub mod journal;
pub mod json_text;
pub mod liveness;
pub mod metrics;
pub mod plugins;
pub mod security_log;
pub mod session;
pub mod things;
mod words;
