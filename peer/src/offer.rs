//! The contact offer of the whitepaper.
