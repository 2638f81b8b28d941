//! What a device and a person share: messages, sessions, offers and pairing links, rights, the network.
//!
//! Start with [`session`] (how two accounts get a channel), then [`message`] (what travels in it). [`rights`] is what an
//! owner signs to change who may do what. [`offer`] and [`link`] are how two accounts meet for the first time.
//! [`network`] carries bytes and is believed about nothing else.
//!
//! [`passcode`] is where both programs get one from.
//!
//! Everything but [`network`], [`wire`], [`client`] and [`passcode`] does no I/O and reads no clock.

pub mod address;
pub mod client;
pub mod encoded;
pub mod exit;
pub mod health;
pub mod link;
pub mod message;
#[cfg(feature = "network")]
pub mod network;
pub mod offer;
pub mod passcode;
pub mod rights;
pub mod session;
pub mod wire;
pub mod words;
