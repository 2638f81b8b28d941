//! The side that is dialled: a device.

use rand_core::CryptoRng;
use streembit_keys::{PrivateKey, PublicKey, Thumbprint, jws};

use super::handshake::{self, HS2, HS3, M1, M2, M3, Nonce, TrafficKeys, Transcript, VERSION};
use super::{Established, MAX_HANDSHAKE, PeerIds, SessionClock, SessionPeers, Sid, Silent};

/// Whom a responder lets in.
pub struct Welcome<'a> {
    /// The key of a contact, if this is one.
    pub lookup: &'a (dyn Fn(&Thumbprint) -> Option<PublicKey> + Send + Sync),
    /// Whether a stranger may come in to prove the secret of a pairing link or of an invitation.
    pub pairing_open: bool,
    /// How often this device was made anew out of a backup. Whoever knows it learns it before they ask for anything.
    pub generation: u32,
}

/// A responder that has sent M2 and waits for M3. It has acted on nothing yet.
#[derive(Debug)]
pub struct Responder {
    local: Thumbprint,
    remote: PublicKey,
    first_contact: bool,
    generation: u32,
    keys: KeysInWaiting,
    sid: Transcript,
    now: i64,
}

/// The ECDH waits for M3: until then the other side has proven nothing, and gets no more of our time than M2 costs.
#[derive(Debug)]
struct KeysInWaiting {
    ephemeral: PrivateKey,
    their_ephemeral: PublicKey,
    their_nonce: Nonce,
    nonce: Nonce,
}

impl Responder {
    /// Takes M1; the second value is M2, to be sent. `now` is this side's clock, in seconds since 1970.
    ///
    /// An error ends the connection without an answer.
    pub fn accept(
        m1: &[u8],
        key: &PrivateKey,
        peer_ids: &PeerIds,
        welcome: &Welcome<'_>,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<u8>), Silent> {
        let silent = |why| Silent { why };
        if m1.len() > MAX_HANDSHAKE {
            return Err(silent("the first message is too long"));
        }
        let first: M1 =
            serde_json::from_slice(m1).map_err(|_| silent("the first message is none of ours"))?;
        let local = key.public().thumbprint();

        // 1. For this device, in this version, over this very connection.
        if first.v != VERSION {
            return Err(silent("another version of the protocol"));
        }
        if first.aud != local || first.iss == local {
            return Err(silent("for another account"));
        }
        if !first.peer_ids.within_limits() || first.peer_ids != *peer_ids {
            return Err(silent("made for another transport connection"));
        }

        // 2. From a contact, or from somebody who may have a link. A contact's key is the one that we know.
        let (remote, first_contact) = match ((welcome.lookup)(&first.iss), &first.key) {
            (Some(known), _) => (known, false),
            (None, Some(theirs)) if welcome.pairing_open && theirs.thumbprint() == first.iss => {
                (theirs.clone(), true)
            }
            (None, _) => return Err(silent("from nobody known")),
        };

        // 3. This side's half of the session.
        let ephemeral = PrivateKey::generate(rng);
        let nonce = Nonce::from_bytes(streembit_keys::rng::bytes(rng));
        let m2 = M2 {
            iss: local,
            aud: first.iss,
            ephemeral: ephemeral.public().clone(),
            nonce,
            h: handshake::hash(&[m1]),
            now,
            key: first.key.is_some().then(|| key.public().clone()),
            generation: welcome.generation,
        };
        let m2 = jws::sign(key, HS2, &handshake::to_json(&m2)).into_bytes();
        let sid = handshake::hash(&[m1, &m2]);
        let keys =
            KeysInWaiting { ephemeral, their_ephemeral: first.ephemeral, their_nonce: first.nonce, nonce };
        let generation = welcome.generation;
        Ok((Self { local, remote, first_contact, generation, keys, sid, now }, m2))
    }

    /// Takes M3, after which the other side is who it says.
    pub fn on_m3(self, m3: &[u8]) -> Result<Established, Silent> {
        let silent = |why| Silent { why };
        if m3.len() > MAX_HANDSHAKE {
            return Err(silent("the third message is too long"));
        }
        let text = std::str::from_utf8(m3).map_err(|_| silent("the third message is not text"))?;
        let payload = jws::verify(text, HS3, &self.remote)
            .map_err(|_| silent("the third message is not signed by the account that it names"))?;
        let third: M3 =
            serde_json::from_slice(&payload).map_err(|_| silent("the third message is none of ours"))?;
        if third.iss != self.remote.thumbprint() || third.aud != self.local || third.h != self.sid {
            return Err(silent("the third message is of another session"));
        }
        let KeysInWaiting { ephemeral, their_ephemeral, their_nonce, nonce } = &self.keys;
        let (sealer, opener) = TrafficKeys::derive(ephemeral, their_ephemeral, their_nonce, nonce, &self.sid)
            .and_then(TrafficKeys::for_responder)
            .ok_or(silent("no keys can be derived"))?;
        let sid = Sid::from_bytes(*self.sid.as_bytes());
        Ok(Established {
            sealer,
            opener,
            peers: SessionPeers { local: self.local, remote: self.remote, sid },
            peer_clock: SessionClock::showing(third.now),
            own_clock: SessionClock::showing(self.now),
            first_contact: self.first_contact,
            generation: self.generation,
        })
    }
}
