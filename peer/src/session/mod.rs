//! Handshake and channel, as state machines without sockets.
