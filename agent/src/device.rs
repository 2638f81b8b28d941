//! The device as a Thing.
