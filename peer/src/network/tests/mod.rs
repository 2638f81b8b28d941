//! Two programs on loopback.
