//! What a plugin is to the device: its interface, its manifest, its limits.
//!
//! The WIT package `streembit:plugin` in `wit/` says what a component may import and must export. The [`Manifest`]
//! travels in the component itself ([`section`]) and says which resources it wants, why, and which Thing it drives.
//! [`imports`] decides which components this version can run at all.
//!
//! Everything here reads bytes that came from outside: each parser has a limit, and each error says where.

pub mod imports;
pub mod manifest;
mod name;
pub mod section;

pub use manifest::Manifest;
pub use name::{Name, NameError};

/// Version of the WIT package that this agent serves.
pub const API_VERSION: &str = "0.1.0";

/// Longest JSON text of one value that crosses the boundary. The commands that carry it have the same limit.
pub const MAX_VALUE: usize = 64 * 1024;

/// Largest component that is looked at. A Python component has 18 MB, the largest kind known.
pub const MAX_COMPONENT: usize = 32 * 1024 * 1024;
