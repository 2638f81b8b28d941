//! Commands through real sessions: each test lets people into a house whose door counts how often it moved.

#![allow(missing_docs)]

mod grants;
pub mod house;
pub mod stand_in;
