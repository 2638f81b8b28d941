//! The process that `streembit unlock` leaves behind: it has the account's key and the open connections, so that the
//! next commands neither ask for the passcode nor dial again.
//!
//! It listens on a socket in the home folder that only its user can open, answers one [`Ask`](crate::door::Ask) a
//! connection, and ends by itself: when its time is over by either clock, when it is told to, and when its home is gone.
//! It is one a home, which a lock file sees to.

mod client;
mod process;
mod server;
mod socket;

pub use client::Client;
pub(crate) use process::COMMAND;
pub use process::{become_process, start};
pub use server::serve;

/// How long an unlocked account stays so where nothing else is said: a working day.
pub const DEFAULT_SPAN: std::time::Duration = std::time::Duration::from_secs(8 * 60 * 60);

/// Longest line across the socket. The largest value with what stands around it has less than 80 KiB; an answer may hold
/// all properties of a Thing.
const MAX_LINE: usize = 512 * 1024;
