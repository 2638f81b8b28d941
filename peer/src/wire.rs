//! Frames on a byte stream.

/// The longest frame: what the longest message is when it is signed and sealed.
pub const MAX_FRAME: usize = 256 * 1024;
