//! Transport: libp2p behind a small interface.
