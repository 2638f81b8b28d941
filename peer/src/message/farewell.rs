//! What a device says in place of every answer, where it does not take a session up.

use serde::{Deserialize, Serialize};
use streembit_keys::jws::{self, Typ};
use streembit_keys::{PrivateKey, Thumbprint};

use super::MessageError;
use super::response::{check_session, open, to_json};
use crate::session::{SessionPeers, Sid};

const FAREWELL: Typ = Typ::new("sb-bye");

/// Why a device does not take a session up. It is the only message of that session: nothing that was asked in it was looked
/// at, so whoever sent a request already knows that it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Farewell {
    /// There are as many sessions as there may be, of this account or at all.
    NoRoom,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
    why: Farewell,
}

impl Farewell {
    /// Signs it: what goes into the session's first and last frame.
    pub fn sign(self, key: &PrivateKey, peers: &SessionPeers) -> String {
        let (iss, aud, sid) = (peers.local, peers.remote.thumbprint(), peers.sid);
        jws::sign(key, FAREWELL, &to_json(&Payload { iss, aud, sid, why: self }))
    }

    /// Checks a device's farewell. Only its signature and session: the reader checks that nothing came before it.
    pub(super) fn authenticate(plaintext: &[u8], peers: &SessionPeers) -> Result<Self, MessageError> {
        let payload = open(plaintext, FAREWELL, peers)?;
        let message: Payload = serde_json::from_slice(&payload)
            .map_err(|_| MessageError::Malformed("a member is missing or wrong"))?;
        check_session(peers, message.iss, message.aud, message.sid)?;
        Ok(message.why)
    }
}
