//! Pairing links and their QR codes.
