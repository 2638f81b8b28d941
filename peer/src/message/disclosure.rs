//! The salted hash under which a request's input is signed (RFC 9901, SD-JWT, without key binding).
//!
//! `<JWS>~<disclosure>~`: the payload's `_sd` holds the hash of the one disclosure, and the disclosure is the base64url of
//! `[salt, "input", value]`. Whoever drops the disclosure keeps a signature that still verifies, and the salt keeps
//! the input from being guessed from its hash.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::CryptoRng;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::json::{self, JsonError};
use crate::encoded::base64_bytes;

/// 128 bits, as RFC 9901 recommends in section 9.3.
const SALT_BYTES: usize = 16;

/// The longest salt that is accepted, so that the input's own limit bounds the disclosure too.
const MAX_SALT: usize = 128;

base64_bytes!(
    /// SHA-256 of a disclosure's text.
    Digest,
    32,
    "disclosure digest"
);

impl Digest {
    pub(super) fn of(disclosure: &str) -> Self {
        Self::from_bytes(Sha256::digest(disclosure).into())
    }
}

/// Writes the disclosure of an input.
pub(super) fn write(input: &Value, rng: &mut impl CryptoRng) -> Result<String, JsonError> {
    let salt = URL_SAFE_NO_PAD.encode(streembit_keys::rng::bytes::<SALT_BYTES>(rng));
    Ok(URL_SAFE_NO_PAD.encode(format!(r#"["{salt}","input",{}]"#, json::write(input)?)))
}

/// Reads the input out of a disclosure.
pub(super) fn read(disclosure: &str) -> Result<Value, &'static str> {
    let array = URL_SAFE_NO_PAD.decode(disclosure).map_err(|_| "the disclosure is not base64url")?;
    // The value stays text until its own size and depth are known to be within bounds.
    let (salt, name, value): (Cow<'_, str>, Cow<'_, str>, &RawValue) =
        if json::depth_within(&array, super::MAX_DEPTH + 1) {
            serde_json::from_slice(&array).map_err(|_| "the disclosure is not a salt, a name and a value")?
        } else {
            return Err("the input is nested too deep");
        };
    if salt.len() > MAX_SALT || name != "input" {
        return Err("the disclosure is not of the input");
    }
    json::parse(value.get().as_bytes()).map_err(|error| match error {
        JsonError::TooLong { .. } | JsonError::TooMany => "the input is too long",
        JsonError::TooDeep => "the input is nested too deep",
        JsonError::NotJson => "the input is not JSON",
    })
}
