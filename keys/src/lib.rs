//! Keys and what is signed and sealed with them: the bottom of everything.
//!
//! A [`PrivateKey`] is one P-256 key; its [`PublicKey`] is named by a [`Thumbprint`] (RFC 7638), which is what
//! every protocol message carries as `iss` and `aud`. [`jws`] signs (ES256, compact), and each kind of signed
//! thing has its own [`jws::Typ`], so that a signature made for one purpose is never valid for another.
//!
//! Nothing in this crate opens a socket or reads a clock; randomness is handed in ([`rng`] names the system's).

pub mod jws;
mod private_key;
mod public_key;
pub mod rng;
mod thumbprint;

pub use private_key::{PrivateKey, SharedSecret};
pub use public_key::{PublicKey, Signature};
pub use thumbprint::{AccountName, Thumbprint};

/// Why bytes are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The private scalar is zero, not below the group order, or not 32 bytes long.
    #[error("not a P-256 private key: 32 bytes between 1 and the group order minus 1 are needed")]
    Private,
    /// The point is not on the curve, is the point at infinity, or is in no known encoding.
    #[error("not a P-256 public key: a SEC1 point on the curve is needed")]
    Public,
}
