//! JSON Web Encryption, compact, A256GCM only (RFC 7516; RFC 7518).
//!
//! Two ways to a key: [`encrypt_to`] seals what is stored to somebody's public key (`ECDH-ES`), [`Direct`] seals what
//! travels in a session under the session's key (`dir`). Neither compresses (`zip` leaks by length and invites bombs)
//! nor knows a critical header.

mod concat_kdf;
mod direct;
mod stored;

pub use direct::Direct;
pub use stored::{Parties, decrypt, encrypt_between, encrypt_to};

/// Why a text does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// Not five parts of base64url of the right lengths, with a JSON object as header.
    #[error("not a compact JWE (RFC 7516, section 7.1): {0}")]
    Malformed(&'static str),
    /// The header names another algorithm than the one expected here, or has `zip`.
    #[error("the JWE uses another algorithm: {0}")]
    Algorithm(&'static str),
    /// The header has another `typ`, or none.
    #[error("the JWE is of another kind: `typ` must be `{expected}`")]
    Typ {
        /// What the caller expected.
        expected: &'static str,
    },
    /// The header has `crit`: we know no critical extension.
    #[error("the JWE has a critical header, and none is known here")]
    Critical,
    /// It was not sealed under this key, at this place of the session, or it was changed.
    #[error("the JWE does not open")]
    Sealed,
}

/// Length of GCM's tag.
const TAG: usize = 16;
/// Length of GCM's nonce, which JOSE calls the initialization vector.
const IV: usize = 12;
