//! Frames on a byte stream.
