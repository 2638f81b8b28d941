//! The Thing Models that belong to the agent, as text. Those of plugins are in their manifests.

/// The device itself, as a Thing.
pub const DEVICE: &str = include_str!("../models/device.tm.json");
