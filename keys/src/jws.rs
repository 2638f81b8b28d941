//! JSON Web Signature, compact, ES256 only (RFC 7515; RFC 7518, section 3.4).
//!
//! What we sign has exactly the header `{"alg":"ES256","typ":…}`. What we read may carry other members, but the
//! algorithm must be ES256, the `typ` the one that the caller expects, and nothing may be critical: keys that a
//! header names or holds (`jwk`, `kid`, `x5c`, …) are never looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize as _;

use crate::{PrivateKey, PublicKey};

/// The kind of a signed thing. A signature made for one kind is never valid for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Typ(&'static str);

impl Typ {
    /// A kind with this `typ` header (ASCII letters, digits and `-` only).
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i].is_ascii_alphanumeric() || bytes[i] == b'-', "letters, digits and '-' only");
            i += 1;
        }
        Self(name)
    }

    /// The text of the `typ` header.
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

/// Why a text is not a JWS of the expected kind by the expected key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three parts of base64url with a JSON object as header.
    #[error("not a compact JWS (RFC 7515, section 7.1): {0}")]
    Malformed(&'static str),
    /// The header names another algorithm than ES256.
    #[error("the JWS is not signed with ES256")]
    Algorithm,
    /// The header has another `typ`, or none.
    #[error("the JWS is of another kind: `typ` must be `{expected}`")]
    Typ {
        /// What the caller expected.
        expected: &'static str,
    },
    /// The header has `crit`: we know no critical extension.
    #[error("the JWS has a critical header, and none is known here")]
    Critical,
    /// The signature is not that key's.
    #[error("the signature of the JWS does not hold")]
    Signature,
}

/// Longest header that is parsed, in bytes of base64url. Ours have 48; a foreign one with a JWK or two fits.
const MAX_HEADER: usize = 4096;

/// Signs `payload` and returns the compact form.
pub fn sign(key: &PrivateKey, typ: Typ, payload: &[u8]) -> String {
    let mut out = String::with_capacity(64 + payload.len() * 4 / 3 + 96);
    URL_SAFE_NO_PAD.encode_string(format!(r#"{{"alg":"ES256","typ":"{}"}}"#, typ.0), &mut out);
    out.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut out);
    let signature = key.sign(out.as_bytes());
    out.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut out);
    out
}

/// Checks that `compact` is a JWS of kind `typ` by `key`, and returns its payload.
pub fn verify(compact: &str, typ: Typ, key: &PublicKey) -> Result<Vec<u8>, JwsError> {
    Unverified::parse(compact, typ)?.verify(key)
}

/// A JWS that was parsed but not verified: to find out whose key to verify it with.
#[derive(Debug)]
pub struct Unverified<'a> {
    signed: &'a str,
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> Unverified<'a> {
    /// Parses a JWS of kind `typ`. The caller bounds the length of `compact`.
    pub fn parse(compact: &'a str, typ: Typ) -> Result<Self, JwsError> {
        let (signed, signature) =
            compact.rsplit_once('.').ok_or(JwsError::Malformed("fewer than three parts"))?;
        let (header, payload) =
            signed.split_once('.').ok_or(JwsError::Malformed("fewer than three parts"))?;
        if header.len() > MAX_HEADER {
            return Err(JwsError::Malformed("the header is too long"));
        }
        check_header(&decode(header, "the header is not base64url")?, typ)?;
        // `decode` refuses a dot, so a fourth part ends here.
        let payload = decode(payload, "the payload is not base64url")?;
        let signature = decode(signature, "the signature is not base64url")?;
        let signature = signature.try_into().map_err(|_| JwsError::Signature)?;
        Ok(Self { signed, payload, signature })
    }

    /// The payload as it claims to be: good for looking up `iss`, and for nothing else.
    pub fn claimed_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Checks the signature and hands out the payload.
    pub fn verify(self, key: &PublicKey) -> Result<Vec<u8>, JwsError> {
        key.verify(self.signed.as_bytes(), &self.signature).map_err(|_| JwsError::Signature)?;
        Ok(self.payload)
    }
}

fn decode(part: &str, why: &'static str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed(why))
}

#[derive(serde::Deserialize)]
struct Header {
    alg: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether a member is there, whatever its value: an `Option` would take `null` for absent.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn check_header(json: &[u8], typ: Typ) -> Result<(), JwsError> {
    // A derived struct would also be read from a JSON array.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(JwsError::Malformed("the header is not a JSON object"));
    }
    let header: Header =
        serde_json::from_slice(json).map_err(|_| JwsError::Malformed("the header is not a JSON object"))?;
    if header.alg.as_deref() != Some("ES256") {
        return Err(JwsError::Algorithm);
    }
    if header.crit {
        return Err(JwsError::Critical);
    }
    if header.typ.as_deref() != Some(typ.0) {
        return Err(JwsError::Typ { expected: typ.0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
