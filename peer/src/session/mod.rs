//! How two accounts get a channel: a handshake of three messages, then sealed frames, as state machines without sockets.
//!
//! The initiator (a person) starts with [`Initiator::start`], the responder (a device) with [`Responder::accept`]:
//!
//! ```text
//! I → R   M1  { v, iss, aud, eI, nI, peer ids [, key] }                        not signed
//! R → I   M2  JWS sb-hs2 { iss, aud, eR, nR, h = SHA-256(M1), now [, key] }
//! I → R   M3  JWS sb-hs3 { iss, aud, h = SHA-256(M1‖M2), now }
//! ```
//!
//! `eI` and `eR` are keys made for this one session, which gives forward secrecy; `nI` and `nR` are nonces. Everything is
//! bound by the signatures over the hashes: both accounts, both ephemeral keys, both transport ids. The session is named
//! by SHA-256(M1‖M2), its [`Sid`]. The responder says nothing at all, not even no, to an M1 that is not for it or is from
//! nobody whom it knows, and acts on nothing before M3. `key` is there only when the two do not know each other's
//! keys yet: in a pairing.
//!
//! Both ends then are [`Established`]: a [`Sealer`] and an [`Opener`], each with its own key and counter. A message that is lost,
//! repeated, reordered or changed ends the session, which is one stream and cannot be resumed.

mod channel;
mod handshake;
mod initiator;
mod peers;
mod responder;
#[cfg(test)]
mod tests;

pub use channel::{ChannelError, Opener, RENEW_AFTER, RENEW_AFTER_MESSAGES, Sealer, needs_renewal};
pub use handshake::{HandshakeError, MAX_HANDSHAKE, PeerIds, Silent};
pub use initiator::{Initiator, Remote};
pub use peers::{Established, SessionClock, SessionPeers, Sid};
pub use responder::{Responder, Welcome};
