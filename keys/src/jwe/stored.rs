//! `ECDH-ES` + `A256GCM`: what is sealed to somebody's public key, to be opened whenever they come by.

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::CryptoRng;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

use super::{IV, JweError, TAG, concat_kdf};
use crate::jws::{Typ, present};
use crate::{PrivateKey, PublicKey, jwk};

/// Longest header that is parsed, in bytes of base64url: ours have about 260.
const MAX_HEADER: usize = 4096;

const ENC: &str = "A256GCM";

/// What a JWE says of the two sides: it is bound into the key, and anybody can read it.
///
/// Ours are empty. A recipient's name in the clear would tell a relay or a DHT node whose mail it keeps, and the
/// recipient is bound by the key agreement itself. Who wrote it, the signature inside says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parties<'a> {
    /// `apu`: the sender's side.
    pub apu: &'a [u8],
    /// `apv`: the recipient's side.
    pub apv: &'a [u8],
}

/// Seals `plaintext` to `recipient`, with a key pair made for this one message. Says nothing about who wrote it.
pub fn encrypt_to(
    recipient: &PublicKey,
    typ: Typ,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<String, JweError> {
    encrypt_between(Parties::default(), recipient, typ, plaintext, rng)
}

/// The same with `apu` and `apv`.
pub fn encrypt_between(
    parties: Parties<'_>,
    recipient: &PublicKey,
    typ: Typ,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<String, JweError> {
    let ephemeral = PrivateKey::generate(rng);
    let mut header = format!(
        r#"{{"alg":"ECDH-ES","enc":"{ENC}","typ":"{}","epk":{}"#,
        typ.as_str(),
        ephemeral.public().to_jwk()
    );
    for (name, value) in [("apu", parties.apu), ("apv", parties.apv)] {
        if !value.is_empty() {
            header.push_str(&format!(r#","{name}":"{}""#, URL_SAFE_NO_PAD.encode(value)));
        }
    }
    header.push('}');
    let header = URL_SAFE_NO_PAD.encode(header);
    if header.len() > MAX_HEADER {
        return Err(JweError::Malformed("the header is too long"));
    }
    let shared = ephemeral.diffie_hellman(recipient);
    let key = concat_kdf::derive(&shared, ENC, parties.apu, parties.apv);
    let iv = crate::rng::bytes::<IV>(rng);
    let (ciphertext, tag) = seal_content(&key, iv, header.as_bytes(), plaintext)?;
    Ok(format!(
        "{header}..{}.{}.{}",
        URL_SAFE_NO_PAD.encode(iv),
        URL_SAFE_NO_PAD.encode(ciphertext),
        URL_SAFE_NO_PAD.encode(tag)
    ))
}

/// Opens what was sealed to `key` as a message of kind `typ`. The caller bounds the length of `compact`.
pub fn decrypt(key: &PrivateKey, typ: Typ, compact: &str) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let mut parts = compact.split('.');
    let mut part = || parts.next().ok_or(JweError::Malformed("fewer than five parts"));
    let (header_text, wrapped, iv, ciphertext, tag) = (part()?, part()?, part()?, part()?, part()?);
    if parts.next().is_some() {
        return Err(JweError::Malformed("more than five parts"));
    }
    if !wrapped.is_empty() {
        return Err(JweError::Malformed("`ECDH-ES` has no encrypted key"));
    }
    let header = Header::parse(header_text, typ)?;
    let iv: [u8; IV] = decode(iv)?.try_into().map_err(|_| JweError::Malformed("the IV must have 96 bits"))?;
    let tag: [u8; TAG] =
        decode(tag)?.try_into().map_err(|_| JweError::Malformed("the tag must have 128 bits"))?;
    let mut buffer = Zeroizing::new(decode(ciphertext)?);

    let shared = key.diffie_hellman(&header.ephemeral);
    let content_key = concat_kdf::derive(&shared, ENC, &header.apu, &header.apv);
    open_content(&content_key, iv, header_text.as_bytes(), &mut buffer, tag)?;
    Ok(buffer)
}

struct Header {
    ephemeral: PublicKey,
    apu: Vec<u8>,
    apv: Vec<u8>,
}

#[derive(Deserialize)]
struct RawHeader<'a> {
    alg: Option<String>,
    enc: Option<String>,
    typ: Option<String>,
    #[serde(borrow)]
    epk: Option<&'a RawValue>,
    apu: Option<String>,
    apv: Option<String>,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

impl Header {
    fn parse(text: &str, typ: Typ) -> Result<Self, JweError> {
        if text.len() > MAX_HEADER {
            return Err(JweError::Malformed("the header is too long"));
        }
        let json = decode(text)?;
        // A derived struct would also be read from a JSON array.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(JweError::Malformed("the header is not a JSON object"));
        }
        let raw: RawHeader<'_> = serde_json::from_slice(&json)
            .map_err(|_| JweError::Malformed("the header is not a JSON object of known members"))?;
        if raw.crit {
            return Err(JweError::Critical);
        }
        if raw.zip {
            return Err(JweError::Algorithm("nothing is compressed"));
        }
        if raw.alg.as_deref() != Some("ECDH-ES") {
            return Err(JweError::Algorithm("`alg` must be ECDH-ES"));
        }
        if raw.enc.as_deref() != Some(ENC) {
            return Err(JweError::Algorithm("`enc` must be A256GCM"));
        }
        if raw.typ.as_deref() != Some(typ.as_str()) {
            return Err(JweError::Typ { expected: typ.as_str() });
        }
        let epk = raw.epk.ok_or(JweError::Malformed("`epk` is missing"))?;
        // A point off the curve would leak the recipient's key bit by bit: this refuses it.
        let ephemeral =
            jwk::parse(epk.get()).map_err(|_| JweError::Malformed("`epk` is not a P-256 public key"))?;
        let party = |value: Option<String>| value.map_or(Ok(Vec::new()), |text| decode(&text));
        Ok(Self { ephemeral, apu: party(raw.apu)?, apv: party(raw.apv)? })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError::Malformed("a part is not base64url"))
}

fn seal_content(
    key: &[u8; 32],
    iv: [u8; IV],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<(Vec<u8>, [u8; TAG]), JweError> {
    let mut buffer = plaintext.to_vec();
    let tag = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(&Nonce::from(iv), associated, buffer.as_mut_slice().into())
        .map_err(|_| JweError::Sealed)?;
    Ok((buffer, tag.into()))
}

fn open_content(
    key: &[u8; 32],
    iv: [u8; IV],
    associated: &[u8],
    buffer: &mut [u8],
    tag: [u8; TAG],
) -> Result<(), JweError> {
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(&Nonce::from(iv), associated, (&mut *buffer).into(), &Tag::from(tag))
        .map_err(|_| {
            buffer.zeroize();
            JweError::Sealed
        })
}

#[cfg(test)]
mod tests;
