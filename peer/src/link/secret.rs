//! A link's secret, and how its holder proves it.
//!
//! The device keeps a hash of the secret and no more. The proof is made as in SCRAM (RFC 5802, section 3): whoever reads the hash (in
//! an invitation, which owners and the journal see) can check a proof and cannot make one, and a proof is worth
//! nothing in another session or from another caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use streembit_keys::Thumbprint;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::rights::{InvitationId, SecretHash};
use crate::session::Sid;

/// The one-time secret of a link.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; Secret::BYTES]>);

impl Secret {
    /// 80 bits: out of reach of guessing also for who has the hash of an invitation for weeks, and 16 characters of base32.
    pub const BYTES: usize = 10;

    /// A fresh one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(streembit_keys::rng::bytes(rng)))
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(self.0.as_slice(), &[b"streembit link v1"]))
    }

    /// What the device keeps.
    pub fn hash(&self) -> SecretHash {
        SecretHash::from_bytes(Sha256::digest(self.key().as_slice()).into())
    }

    /// The proof of this secret, by this caller, in this session: `proof` in the input of `pair` and `join`.
    pub fn proof(&self, sid: &Sid, caller: &Thumbprint) -> String {
        let mut proof = self.key();
        mask(&mut proof, &self.hash(), sid, caller);
        URL_SAFE_NO_PAD.encode(proof.as_slice())
    }
}

impl SecretHash {
    /// Whether this is the proof of the secret, by this caller, in this session.
    pub fn admits(&self, proof: &str, sid: &Sid, caller: &Thumbprint) -> bool {
        let mut key = Zeroizing::new([0; 32]);
        if URL_SAFE_NO_PAD.decode_slice(proof, key.as_mut_slice()) != Ok(32) {
            return false;
        }
        mask(&mut key, self, sid, caller);
        Sha256::digest(key.as_slice()).as_slice().ct_eq(self.as_bytes().as_slice()).into()
    }

    /// The name of the invitation with this secret, so that its link need not carry one.
    pub fn invitation_id(&self) -> InvitationId {
        let hash: [u8; 32] = Sha256::new_with_prefix(b"streembit invitation v1")
            .chain_update(self.as_bytes())
            .finalize()
            .into();
        let mut id = [0; 8];
        id.copy_from_slice(hash.split_at(8).0);
        InvitationId::from_bytes(id)
    }
}

/// Adds, or takes away again, what binds a proof to one session and caller.
fn mask(key: &mut [u8; 32], hash: &SecretHash, sid: &Sid, caller: &Thumbprint) {
    let mask = mac(hash.as_bytes(), &[b"streembit pair v1", sid.as_bytes(), caller.as_bytes()]);
    for (byte, mask) in key.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
