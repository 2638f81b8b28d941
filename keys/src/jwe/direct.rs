//! `dir` + `A256GCM`: messages of one direction of one session.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize as _, Zeroizing};

use super::{IV, JweError, TAG};

/// base64url of `{"alg":"dir","enc":"A256GCM"}`: the only header that there is, and the associated data.
const HEADER: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0";

/// Length of the initialization vector in base64url.
const IV_TEXT: usize = 16;

/// What stands before the ciphertext: header, empty key, initialization vector, each with its dot.
const PREFIX: usize = HEADER.len() + 2 + IV_TEXT + 1;

/// Length of the tag in base64url.
const TAG_TEXT: usize = 22;

/// The key of one direction of a session. Sealing twice under one counter breaks GCM: who holds this counts.
pub struct Direct(LessSafeKey);

impl Direct {
    /// Takes a session's key.
    ///
    /// `aws-lc-rs` takes a sixth of the time of the `aes-gcm` crate for a small message and less for a large one
    /// (`examples/speed.rs` measures it); the tests hold the two to each other.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Result<Self, JweError> {
        UnboundKey::new(&AES_256_GCM, key.as_slice())
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| JweError::Sealed)
    }

    /// Seals the message of this number.
    pub fn seal(&self, counter: u64, plaintext: &[u8]) -> Result<String, JweError> {
        let iv = iv_of(counter);
        let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len()));
        sealed.extend_from_slice(plaintext);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(HEADER), &mut sealed)
            .map_err(|_| JweError::Sealed)?;
        let mut out = String::with_capacity(PREFIX + plaintext.len().div_ceil(3) * 4 + 1 + TAG_TEXT);
        out.push_str(HEADER);
        out.push_str("..");
        URL_SAFE_NO_PAD.encode_string(iv, &mut out);
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(sealed.as_slice(), &mut out);
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut out);
        Ok(out)
    }

    /// Opens the message of this number. Every other header and every other number is refused before any work is done;
    /// the caller bounds the length of `compact`.
    pub fn open(&self, counter: u64, compact: &str) -> Result<Vec<u8>, JweError> {
        let iv = iv_of(counter);
        let rest = compact
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix(".."))
            .ok_or(JweError::Algorithm("a session's messages have one fixed header"))?;
        let (iv_text, rest) = rest.split_once('.').ok_or(JweError::Malformed("fewer than five parts"))?;
        let mut expected = [0; IV_TEXT];
        // 12 bytes are exactly 16 characters.
        if URL_SAFE_NO_PAD.encode_slice(iv, &mut expected) != Ok(IV_TEXT) || iv_text.as_bytes() != expected {
            return Err(JweError::Sealed);
        }
        let (ciphertext, tag) = rest.split_once('.').ok_or(JweError::Malformed("fewer than five parts"))?;
        let mut buffer = Vec::with_capacity(ciphertext.len() / 4 * 3 + 3 + TAG);
        URL_SAFE_NO_PAD
            .decode_vec(ciphertext, &mut buffer)
            .map_err(|_| JweError::Malformed("the ciphertext is not base64url"))?;
        let length = buffer.len();
        URL_SAFE_NO_PAD
            .decode_vec(tag, &mut buffer)
            .map_err(|_| JweError::Malformed("the tag is not base64url"))?;
        if buffer.len() != length + TAG {
            return Err(JweError::Malformed("the tag must have 128 bits"));
        }
        let opened =
            self.0.open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(HEADER), &mut buffer).is_ok();
        if !opened {
            buffer.zeroize();
            return Err(JweError::Sealed);
        }
        buffer.truncate(length);
        Ok(buffer)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct(…)")
    }
}

/// 32 zero bits and the counter: no two messages of a direction share it, and the receiver computes it by itself.
fn iv_of(counter: u64) -> [u8; IV] {
    let mut iv = [0; IV];
    iv[4..].copy_from_slice(&counter.to_be_bytes());
    iv
}

#[cfg(test)]
mod tests;
