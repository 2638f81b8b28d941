//! The private half of a P-256 key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{KeyError, PublicKey, Signature};

/// A P-256 private key. Cheap to clone; zeroised when the last clone goes; never printed.
#[derive(Clone)]
pub struct PrivateKey(Arc<Parts>);

struct Parts {
    /// Zeroises itself on drop.
    scalar: SecretKey,
    /// The same key in the library of the hot path: one signature a command.
    signer: EcdsaKeyPair,
    public: PublicKey,
}

/// What two keys agree on (the x-coordinate, RFC 7518 section 4.6.1: `Z`); zeroised on drop.
pub type SharedSecret = Zeroizing<[u8; 32]>;

impl PrivateKey {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        loop {
            let candidate = Zeroizing::new(crate::rng::bytes::<32>(rng));
            // Rejection sampling: all but 2^-32 of the candidates are below the group order.
            if let Ok(key) = Self::from_scalar(candidate.as_slice()) {
                return key;
            }
        }
    }

    /// The key with this scalar: 32 bytes, big-endian.
    pub fn from_scalar(bytes: &[u8]) -> Result<Self, KeyError> {
        // `SecretKey::from_slice` would pad a shorter slice.
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Private)?;
        Self::from_secret(SecretKey::from_slice(bytes).map_err(|_| KeyError::Private)?)
    }

    pub(crate) fn from_secret(scalar: SecretKey) -> Result<Self, KeyError> {
        let point = scalar.public_key();
        let uncompressed = point.to_sec1_point(false);
        let bytes = Zeroizing::new(<[u8; 32]>::from(scalar.to_bytes()));
        let signer = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            bytes.as_slice(),
            uncompressed.as_bytes(),
        )
        .map_err(|_| KeyError::Private)?;
        let public = PublicKey::from_point(point)?;
        Ok(Self(Arc::new(Parts { scalar, signer, public })))
    }

    /// The scalar, big-endian: for storing the key, and for the P2P engine's own key type.
    pub fn to_scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(<[u8; 32]>::from(self.0.scalar.to_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.0.public
    }

    /// Signs with ES256.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match self.0.signer.sign(&SystemRandom::new(), message) {
            Ok(signature) => signature.as_ref().try_into().unwrap_or_else(|_| self.sign_slowly(message)),
            Err(_) => self.sign_slowly(message),
        }
    }

    /// The same by `p256`, five times slower and without randomness (RFC 6979): it cannot fail.
    pub(crate) fn sign_slowly(&self, message: &[u8]) -> Signature {
        let signer = p256::ecdsa::SigningKey::from(&self.0.scalar);
        let signature: p256::ecdsa::Signature = signer.sign(message);
        signature.to_bytes().into()
    }

    /// ECDH with somebody's public key. For session keys, call it on a key made for that one session.
    pub fn diffie_hellman(&self, theirs: &PublicKey) -> SharedSecret {
        let shared = self.0.scalar.diffie_hellman(theirs.point());
        Zeroizing::new(<[u8; 32]>::from(*shared.raw_secret_bytes()))
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0.scalar
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public().thumbprint())
    }
}
