//! Who may do what, as a pure function of the changes that owners signed.
//!
//! [`Rights`] is the state after a sequence of signed changes ([`Rights::apply`] makes the next one and leaves the old as
//! it was). [`Rights::permit`] is the only maker of a [`Permit`], and what a Thing Description shows its reader
//! ([`Rights::allowed`]) comes from the same code, so that a page never promises what the door refuses. Default deny: what
//! no role and no grant covers is refused.
//!
//! Nothing here does I/O or reads a clock. The journal keeps the changes, and hands in the time.

mod attempts;
mod change;
mod hours;
mod permit;
mod rights;

pub use attempts::{Attempts, TooSoon};
pub use change::{ChangeRefused, ReplayError};
pub use permit::{Allowed, Denied, Permit};
pub use rights::{Contact, Invitation, Rights};

/// The name of the device itself among its Things. A `*` in a grant never covers it.
pub const DEVICE: &str = "device";

/// The most contacts of a device. A household has tens, a plant's gateway some hundreds; all of them live in memory.
pub const MAX_CONTACTS: usize = 1024;

/// The most keys that a device remembers as revoked. When they are full, only a factory reset helps: forgetting one would
/// let it come back.
pub const MAX_REVOKED: usize = 16_384;

/// The most invitations that are open at once. An owner withdraws what nobody accepted.
pub const MAX_INVITATIONS: usize = 64;

/// The longest that an invitation may stay open, in seconds: a year. Its secret lies about in somebody's mail meanwhile.
pub const MAX_INVITATION_AGE: i64 = 366 * 24 * 3600;

#[cfg(test)]
mod tests;
