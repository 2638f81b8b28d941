//! The handshake's messages, and what both ends do alike with them.

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use streembit_keys::jws::{JwsError, Typ};
use streembit_keys::{PrivateKey, PublicKey, SharedSecret, Thumbprint};
use zeroize::Zeroizing;

use super::{Opener, Sealer};
use crate::encoded::base64_bytes;

pub(super) const HS2: Typ = Typ::new("sb-hs2");
pub(super) const HS3: Typ = Typ::new("sb-hs3");

/// The version of the protocol. Another one is another first message.
pub(super) const VERSION: u32 = 1;

/// The longest handshake message. Ours stay below 800 bytes; a stranger may make us read no more than this.
pub const MAX_HANDSHAKE: usize = 2048;

/// The longest transport id that is compared. A libp2p peer id has 46 to 52 characters.
const MAX_PEER_ID: usize = 128;

const LABEL: &[u8] = b"streembit session v1";

base64_bytes!(
    /// A nonce of the handshake.
    Nonce,
    32,
    "nonce"
);

base64_bytes!(
    /// SHA-256 of handshake messages.
    Transcript,
    32,
    "transcript hash"
);

/// The transport's names of the two ends, as each end sees them itself.
///
/// They are bound into the session, so that nobody between two transport connections can pass a handshake on from the
/// one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerIds {
    /// Who dialled.
    #[serde(rename = "i")]
    pub initiator: String,
    /// Who was dialled.
    #[serde(rename = "r")]
    pub responder: String,
}

impl PeerIds {
    pub(super) fn within_limits(&self) -> bool {
        self.initiator.len() <= MAX_PEER_ID && self.responder.len() <= MAX_PEER_ID
    }
}

/// The responder ends the connection without a word. `why` is for its own log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handshake is not answered: {why}")]
pub struct Silent {
    /// What was wrong, for the log on this side.
    pub why: &'static str,
}

/// Why the initiator does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The answer is not one, or not by the expected device.
    #[error("the answer to the handshake does not hold: {0}")]
    Signature(#[from] JwsError),
    /// The answer is signed and says something else than it must.
    #[error("the answer to the handshake is not for this session: {0}")]
    Mismatch(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct M1 {
    pub(super) v: u32,
    pub(super) iss: Thumbprint,
    pub(super) aud: Thumbprint,
    #[serde(rename = "eI")]
    pub(super) ephemeral: PublicKey,
    #[serde(rename = "nI")]
    pub(super) nonce: Nonce,
    #[serde(rename = "peers")]
    pub(super) peer_ids: PeerIds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PublicKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct M2 {
    pub(super) iss: Thumbprint,
    pub(super) aud: Thumbprint,
    #[serde(rename = "eR")]
    pub(super) ephemeral: PublicKey,
    #[serde(rename = "nR")]
    pub(super) nonce: Nonce,
    pub(super) h: Transcript,
    pub(super) now: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) generation: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_zero(generation: &u32) -> bool {
    *generation == 0
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct M3 {
    pub(super) iss: Thumbprint,
    pub(super) aud: Thumbprint,
    pub(super) h: Transcript,
    pub(super) now: i64,
}

pub(super) fn hash(parts: &[&[u8]]) -> Transcript {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Transcript::from_bytes(hash.finalize().into())
}

/// JSON of a handshake message, which always serialises.
pub(super) fn to_json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// The two traffic keys, both of which either end has.
pub(super) struct TrafficKeys {
    from_initiator: Zeroizing<[u8; 32]>,
    from_responder: Zeroizing<[u8; 32]>,
}

impl TrafficKeys {
    /// HKDF-SHA-256 of the ephemeral ECDH with salt nI‖nR and info label‖direction‖sid.
    pub(super) fn derive(
        mine: &PrivateKey,
        theirs: &PublicKey,
        initiator: &Nonce,
        responder: &Nonce,
        sid: &Transcript,
    ) -> Option<Self> {
        let shared: SharedSecret = mine.diffie_hellman(theirs);
        let salt = [initiator.as_bytes().as_slice(), responder.as_bytes()].concat();
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), shared.as_slice());
        let key = |direction: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand_multi_info(&[LABEL, direction, sid.as_bytes()], key.as_mut_slice()).ok()?;
            Some(key)
        };
        Some(Self { from_initiator: key(b" i->r ")?, from_responder: key(b" r->i ")? })
    }

    pub(super) fn for_initiator(self) -> Option<(Sealer, Opener)> {
        Some((Sealer::new(self.from_initiator)?, Opener::new(self.from_responder)?))
    }

    pub(super) fn for_responder(self) -> Option<(Sealer, Opener)> {
        Some((Sealer::new(self.from_responder)?, Opener::new(self.from_initiator)?))
    }
}
