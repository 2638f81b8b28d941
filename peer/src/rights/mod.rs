//! Who may do what, as owners sign it.
//!
//! An owner's wish is a [`Change`]. Signed for one device it is a [`SignedChange`], which says its place in that device's
//! sequence and the hash of the change before it, so that nobody can leave one out, repeat one or put one elsewhere. What a
//! contact may do is a [`Role`] and a list of [`Grant`]s. Here are the types, their form and their signature; the order,
//! and what follows from it, are the device's.

mod change;
mod grant;
mod hours;
mod label;
mod signed;
#[cfg(test)]
mod tests;

pub use change::{Change, InvitationId, RestoreId, Role, SecretHash};
pub use grant::{Grant, GrantError, Grants, Pattern};
pub use hours::{BadHours, Day, Minute, WeeklyHours, ZoneName};
pub use label::{BadLabel, Label};
pub use signed::{ChangeError, ChangeHash, SignedChange, UnverifiedChange, sign_change};
