//! The Thing Models that belong to the agent and its own plugins, as text.

/// The device itself, as a Thing.
pub const DEVICE: &str = include_str!("../models/device.tm.json");
/// A garage door on GPIO lines: the model of the `gpio-switch` plugin.
pub const GPIO_SWITCH: &str = include_str!("../models/gpio-switch.tm.json");
