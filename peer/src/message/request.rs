//! What a caller asks of a device.

use rand_core::CryptoRng;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use streembit_keys::jws::{self, Typ, Unverified};
use streembit_keys::{PrivateKey, Thumbprint};

use super::disclosure::{self, Digest};
use super::json::JsonError;
use super::{CallId, MAX_MESSAGE, MAX_VALIDITY, MessageError, Name, Operation, ProblemCode, RequestHash};
use crate::session::{SessionPeers, Sid};

const REQUEST: Typ = Typ::new("sb-req");

/// How far a request's `exp` may lie beyond [`MAX_VALIDITY`], in seconds: times travel in whole seconds, and the peer's
/// clock is known as exactly as the handshake's last message was fast.
const CLOCK_SLACK: i64 = 10;

/// What a caller wants done, before it is signed for a session.
///
/// It has its name ([`CallId`]) from the start: signing the same call again in a later session asks for the same thing,
/// which the device does once.
#[derive(Debug, Clone)]
pub struct Call {
    id: CallId,
    op: Operation,
    thing: Name,
    affordance: Option<Name>,
    disclosure: Option<(Digest, String)>,
}

impl Call {
    /// A new call. An input is `Some` also where it is JSON's `null`.
    pub fn new(
        op: Operation,
        thing: Name,
        affordance: Option<Name>,
        input: Option<&Value>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, JsonError> {
        let id = CallId::from_bytes(streembit_keys::rng::bytes(rng));
        let disclosure = input.map(|input| disclosure::write(input, rng)).transpose()?;
        let disclosure = disclosure.map(|text| (Digest::of(&text), text));
        Ok(Self { id, op, thing, affordance, disclosure })
    }

    /// Its name.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// What it does.
    pub fn op(&self) -> Operation {
        self.op
    }

    /// Signs the call for one session. Both times are the caller's, in seconds since 1970.
    pub fn sign(&self, key: &PrivateKey, peers: &SessionPeers, iat: i64, exp: i64) -> SignedRequest {
        let payload = Payload {
            iss: peers.local,
            aud: peers.remote.thumbprint(),
            sid: peers.sid,
            iat,
            exp,
            jti: self.id,
            op: self.op,
            thing: std::borrow::Cow::Borrowed(&self.thing),
            affordance: self.affordance.as_deref().map(std::borrow::Cow::Borrowed),
            sd: self.disclosure.as_ref().map(|(digest, _)| [*digest]),
        };
        let mut plaintext = jws::sign(key, REQUEST, &super::response::to_json(&payload));
        let hash = RequestHash::from_bytes(Sha256::digest(&plaintext).into());
        if let Some((_, disclosure)) = &self.disclosure {
            plaintext.reserve_exact(disclosure.len() + 2);
            plaintext.push('~');
            plaintext.push_str(disclosure);
            plaintext.push('~');
        }
        SignedRequest { plaintext, hash }
    }
}

/// A call, signed for one session.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// What goes into the session's next frame.
    pub plaintext: String,
    /// What its response and its notifications refer to.
    pub hash: RequestHash,
}

/// A request whose signature, session and validity hold. [`Request::authenticate`] is the only way to one.
#[derive(Debug)]
pub struct Request {
    plaintext: String,
    jws_length: usize,
    hash: RequestHash,
    /// Who asks.
    pub caller: Thumbprint,
    /// Its caller's name for it.
    pub id: CallId,
    /// What is asked.
    pub op: Operation,
    /// Of which Thing.
    pub thing: Name,
    /// Of which affordance; `None` only where the operation is about the whole Thing.
    pub affordance: Option<Name>,
    /// With which input; `Some` also where it is JSON's `null`.
    pub input: Option<Value>,
    /// When it was signed, by the caller's clock.
    pub iat: i64,
    /// When it expires, by the caller's clock.
    pub exp: i64,
    digest: Option<Digest>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    iss: Thumbprint,
    aud: Thumbprint,
    sid: Sid,
    iat: i64,
    exp: i64,
    jti: CallId,
    op: Operation,
    #[serde(borrow)]
    thing: std::borrow::Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    affordance: Option<std::borrow::Cow<'a, str>>,
    #[serde(rename = "_sd", default, skip_serializing_if = "Option::is_none")]
    sd: Option<[Digest; 1]>,
}

impl Request {
    /// Checks one message of a caller. `caller_now` is the time by the caller's clock
    /// ([`crate::session::SessionClock::after`]).
    ///
    /// What is authentic but cannot be taken up is [`MessageError::Unusable`] and gets an answer; after any other error the
    /// session must end.
    pub fn authenticate(
        plaintext: Vec<u8>,
        peers: &SessionPeers,
        caller_now: i64,
    ) -> Result<Self, MessageError> {
        if plaintext.len() > MAX_MESSAGE {
            return Err(MessageError::TooLong(plaintext.len()));
        }
        let plaintext = String::from_utf8(plaintext).map_err(|_| MessageError::NotText)?;
        let (jws, disclosure) = split(&plaintext)?;

        // 1. The signature, by the session's other side.
        let payload = Unverified::parse(jws, REQUEST)?.verify(&peers.remote)?;
        let hash = RequestHash::from_bytes(Sha256::digest(jws).into());
        let payload: Payload<'_> = serde_json::from_slice(&payload)
            .map_err(|_| MessageError::Malformed("a member is missing or wrong"))?;

        // 2. In this session, and in no other.
        super::response::check_session(peers, payload.iss, payload.aud, payload.sid)?;

        // 3. What follows is the caller's own doing: it gets an answer.
        let unusable = |code, why| MessageError::Unusable { re: hash, code, why };
        if payload.exp < caller_now {
            return Err(unusable(ProblemCode::Expired, "it has expired"));
        }
        let latest = caller_now.saturating_add(MAX_VALIDITY + CLOCK_SLACK);
        let validity = payload.exp.saturating_sub(payload.iat);
        if payload.exp > latest || !(0..=MAX_VALIDITY).contains(&validity) {
            return Err(unusable(ProblemCode::Expired, "it is valid for longer than five minutes"));
        }
        if payload.op.names_an_affordance() != payload.affordance.is_some() {
            return Err(unusable(
                ProblemCode::InvalidInput,
                "the operation and the affordance do not go together",
            ));
        }
        // What cannot be a name is the name of nothing here: answered like everything unknown.
        let name =
            |text: &str| text.parse::<Name>().map_err(|_| unusable(ProblemCode::Refused, "the name is none"));
        let thing = name(&payload.thing)?;
        let affordance = payload.affordance.as_deref().map(name).transpose()?;

        // 4. The input is what was signed.
        let digest = payload.sd.map(|[digest]| digest);
        if digest != disclosure.map(Digest::of) {
            return Err(unusable(ProblemCode::InvalidInput, "the disclosure is not the one that was signed"));
        }
        let input = disclosure
            .map(disclosure::read)
            .transpose()
            .map_err(|why| unusable(ProblemCode::InvalidInput, why))?;

        let (id, op, iat, exp) = (payload.jti, payload.op, payload.iat, payload.exp);
        let (caller, jws_length) = (payload.iss, jws.len());
        Ok(Self { plaintext, jws_length, hash, caller, id, op, thing, affordance, input, iat, exp, digest })
    }

    /// The signed part, without the input: what the journal keeps.
    pub fn jws(&self) -> &str {
        self.plaintext.get(..self.jws_length).unwrap_or_default()
    }

    /// The input as it was disclosed, for the journal; it can be dropped later, and the signature still verifies.
    pub fn disclosure(&self) -> Option<&str> {
        let rest = self.plaintext.get(self.jws_length..)?;
        rest.strip_prefix('~')?.strip_suffix('~')
    }

    /// What its response and notifications refer to.
    pub fn hash(&self) -> RequestHash {
        self.hash
    }

    /// SHA-256 over what is asked, without session and times: equal for the same call signed again in a later session,
    /// different for another call under the same [`CallId`]. Says nothing about the input, whose hash is salted.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        // Names hold no line feed, so the parts cannot run into each other.
        for part in [self.op.as_str(), &self.thing, self.affordance.as_deref().unwrap_or_default()] {
            hash.update(part);
            hash.update(b"\n");
        }
        if let Some(digest) = &self.digest {
            hash.update(digest.as_bytes());
        }
        hash.finalize().into()
    }
}

/// Splits `<JWS>` or `<JWS>~<disclosure>~`.
fn split(plaintext: &str) -> Result<(&str, Option<&str>), MessageError> {
    match plaintext.split_once('~') {
        None => Ok((plaintext, None)),
        Some((jws, rest)) => match rest.strip_suffix('~') {
            Some(disclosure) if !disclosure.contains('~') => Ok((jws, Some(disclosure))),
            _ => Err(MessageError::Malformed("one disclosure is allowed, and ends with '~'")),
        },
    }
}
