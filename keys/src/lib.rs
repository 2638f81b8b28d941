//! Keys and what is signed and sealed with them: the bottom of everything.
//!
//! A [`PrivateKey`] is one P-256 key; its [`PublicKey`] is named by a [`Thumbprint`] (RFC 7638), which is what
//! every protocol message carries as `iss` and `aud`. [`jws`] signs (ES256, compact), and each kind of signed
//! thing has its own [`jws::Typ`], so that a signature made for one purpose is never valid for another.
//!
//! [`jwe`] seals: to somebody's key for what is stored, and under a session's key for what travels in it. [`pkcs8`] is how
//! a private key lies in a file, protected by a [`passcode`] where the file is a person's, and [`files`] writes such
//! files so that a power cut leaves the old one or the new one.
//!
//! Only [`files`] touches a disk. Nothing here opens a socket or reads a clock; randomness is handed in ([`rng`] names
//! the system's).

pub mod files;
pub mod jwe;
mod jwk;
pub mod jws;
pub mod passcode;
pub mod pkcs8;
mod private_key;
mod public_key;
pub mod rng;
mod text;
mod thumbprint;

pub use private_key::{PrivateKey, SharedSecret};
pub use public_key::{BadSignature, PublicKey, Signature};
pub use thumbprint::{AccountName, Thumbprint};

/// Why bytes are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The private scalar is zero, not below the group order, or not 32 bytes long.
    #[error("not a P-256 private key: 32 bytes between 1 and the group order minus 1 are needed")]
    Private,
    /// The point is not on the curve, is the point at infinity, or is in no known encoding.
    #[error(
        "not a P-256 public key: a point on the curve is needed, in hex, base58, base64 or base64url, or as a JWK"
    )]
    Public,
    /// A JWK with its private part, where a public key was asked for.
    #[error(
        "this JWK holds a private key: show only its public half, and make a new key if others saw this one"
    )]
    PrivateShown,
}
