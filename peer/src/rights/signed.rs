//! A change in its place in a device's sequence, signed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use streembit_keys::jws::{self, JwsError, Typ, Unverified};
use streembit_keys::{PrivateKey, PublicKey, Thumbprint};

use super::Change;
use crate::encoded::base64_bytes;
use crate::message::MAX_VALUE;

const CHANGE: Typ = Typ::new("sb-acl");

base64_bytes!(
    /// SHA-256 of a signed change as it was sent: what the next one names as `prev`.
    ChangeHash,
    32,
    "hash of a change"
);

impl ChangeHash {
    /// What the first change of a device names as `prev`.
    pub const FIRST: Self = Self::from_bytes([0; 32]);
}

/// Why a text is not a signed change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Longer than any change can be.
    #[error("the change is too long")]
    TooLong,
    /// No JWS of this kind, or the signature does not hold.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Signed, but not a change that is known here.
    #[error("not a change of rights: {0}")]
    Malformed(String),
    /// It names another signer than the one whose signature it has.
    #[error("the change names another signer than the one whose signature it has")]
    Issuer,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    iss: Thumbprint,
    aud: Thumbprint,
    seq: u64,
    prev: ChangeHash,
    change: &'a Change,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Incoming {
    iss: Thumbprint,
    aud: Thumbprint,
    seq: u64,
    prev: ChangeHash,
    change: Change,
}

/// Signs a change as number `seq` of a device, after the one whose hash is `prev`.
pub fn sign_change(
    key: &PrivateKey,
    device: Thumbprint,
    seq: u64,
    prev: ChangeHash,
    change: Change,
) -> SignedChange {
    let issuer = key.public().thumbprint();
    let payload = Outgoing { iss: issuer, aud: device, seq, prev, change: &change };
    // String keys only: it always serialises.
    let jws = jws::sign(key, CHANGE, &serde_json::to_vec(&payload).unwrap_or_default());
    SignedChange { jws, issuer, device, seq, prev, change }
}

/// A change whose signature holds. Whether its signer may make it, and now, is for the device to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedChange {
    jws: String,
    issuer: Thumbprint,
    device: Thumbprint,
    seq: u64,
    prev: ChangeHash,
    change: Change,
}

impl SignedChange {
    /// Parses a change, which is nobody's until [`UnverifiedChange::verify`].
    pub fn parse(jws: &str) -> Result<UnverifiedChange<'_>, ChangeError> {
        // It has to fit into the input of the action that brings it.
        if jws.len() > MAX_VALUE {
            return Err(ChangeError::TooLong);
        }
        let unverified = Unverified::parse(jws, CHANGE)?;
        let content: Incoming = serde_json::from_slice(unverified.claimed_payload())
            .map_err(|error| ChangeError::Malformed(error.to_string()))?;
        Ok(UnverifiedChange { jws, unverified, content })
    }

    /// The signed text, which is kept as it came.
    pub fn jws(&self) -> &str {
        &self.jws
    }

    /// What the next change names as `prev`.
    pub fn hash(&self) -> ChangeHash {
        ChangeHash::from_bytes(Sha256::digest(&self.jws).into())
    }

    /// Who signed it.
    pub fn iss(&self) -> Thumbprint {
        self.issuer
    }

    /// Whose rights it changes.
    pub fn aud(&self) -> Thumbprint {
        self.device
    }

    /// Its number: the first change of a device is 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The hash of the change before it.
    pub fn prev(&self) -> ChangeHash {
        self.prev
    }

    /// What changes.
    pub fn change(&self) -> &Change {
        &self.change
    }
}

/// A change as it claims to be: good for finding the key to verify it with, and for a line in a list.
#[derive(Debug)]
pub struct UnverifiedChange<'a> {
    jws: &'a str,
    unverified: Unverified<'a>,
    content: Incoming,
}

impl UnverifiedChange<'_> {
    /// Who claims to have signed it.
    pub fn claimed_iss(&self) -> Thumbprint {
        self.content.iss
    }

    /// What it claims to change: for showing it where somebody else answers for it.
    pub fn claimed_change(&self) -> &Change {
        &self.content.change
    }

    /// Checks the signature.
    pub fn verify(self, key: &PublicKey) -> Result<SignedChange, ChangeError> {
        self.unverified.verify(key)?;
        let Incoming { iss: issuer, aud: device, seq, prev, change } = self.content;
        if issuer != key.thumbprint() {
            return Err(ChangeError::Issuer);
        }
        Ok(SignedChange { jws: self.jws.to_owned(), issuer, device, seq, prev, change })
    }
}
