//! The public half of a P-256 key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use sha2::{Digest as _, Sha256};

use crate::{AccountName, KeyError, Thumbprint, jwk};

/// A P-256 public key: a point that was checked to be on the curve. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Parts>);

struct Parts {
    point: p256::PublicKey,
    /// `aws-lc-rs` verifies five times faster than `p256`, and only with a key that was parsed once.
    verifier: ParsedPublicKey,
    compressed: [u8; 33],
    uncompressed: [u8; 65],
    thumbprint: Thumbprint,
}

/// An ES256 signature: `r` and `s`, 32 bytes each (RFC 7518, section 3.4).
pub type Signature = [u8; 64];

/// The signature is not this key's over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

impl PublicKey {
    /// Reads a SEC1 point: 33 bytes compressed or 65 bytes uncompressed.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        // `p256` also reads the "compact" form (tag 5), which would be a second spelling of a compressed key.
        if !matches!((bytes.first(), bytes.len()), (Some(2 | 3), 33) | (Some(4), 65)) {
            return Err(KeyError::Public);
        }
        let point = p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| KeyError::Public)?;
        Self::from_point(point)
    }

    pub(crate) fn from_point(point: p256::PublicKey) -> Result<Self, KeyError> {
        let uncompressed: [u8; 65] =
            point.to_sec1_point(false).as_bytes().try_into().map_err(|_| KeyError::Public)?;
        let compressed: [u8; 33] =
            point.to_sec1_point(true).as_bytes().try_into().map_err(|_| KeyError::Public)?;
        let verifier =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed).map_err(|_| KeyError::Public)?;
        let thumbprint = Thumbprint::from_bytes(Sha256::digest(jwk::canonical(&uncompressed)).into());
        Ok(Self(Arc::new(Parts { point, verifier, compressed, uncompressed, thumbprint })))
    }

    /// The compressed SEC1 point.
    pub fn to_sec1(&self) -> [u8; 33] {
        self.0.compressed
    }

    /// The name of this key in every protocol message.
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.thumbprint
    }

    /// The short name that the whitepaper gives to this key's owner.
    pub fn account(&self) -> AccountName {
        AccountName::of_compressed(&self.0.compressed)
    }

    /// Checks an ES256 signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.0.verifier.verify_sig(message, signature).map_err(|_| BadSignature)
    }

    pub(crate) fn uncompressed(&self) -> &[u8; 65] {
        &self.0.uncompressed
    }

    pub(crate) fn point(&self) -> &p256::PublicKey {
        &self.0.point
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.compressed == other.0.compressed
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint())
    }
}

/// Written as the compressed point in base64url (44 characters).
impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0.compressed))
    }
}

impl<'de> serde::Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        // Exactly what `serialize` writes: a signed text must not have two spellings of one key.
        let mut bytes = [0; 33];
        match URL_SAFE_NO_PAD.decode_slice(text.as_ref(), &mut bytes) {
            Ok(33) => Self::from_sec1(&bytes).map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom(KeyError::Public)),
        }
    }
}

#[cfg(test)]
mod tests;
