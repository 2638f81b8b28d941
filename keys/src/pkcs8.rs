//! Private keys in files: PKCS#8, in the clear on a device (mode 0600), encrypted by a passcode for a person.
//!
//! What is written here is what `openssl pkey` opens; what `openssl genpkey` writes for P-256 opens here.

use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use pkcs8::der::pem::PemLabel as _;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{EncryptionScheme, scrypt};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::PrivateKey;
use crate::passcode::Passcode;

/// scrypt's N = 2^14, with r = 8 and p = 1: the strongest that the OpenSSL command opens (its memory cap is 32 MiB).
/// Opening a key takes about 40 ms.
const SCRYPT_LOG_N: u8 = 14;

/// Most memory that reading somebody's key may take: scrypt needs 128 · N · r bytes. N = 2^17 with r = 8 fits.
const MAX_SCRYPT_BYTES: u64 = 128 << 20;

/// Most lanes of scrypt when reading: each costs the time of one more.
const MAX_SCRYPT_LANES: u16 = 4;

/// Most iterations of PBKDF2 when reading: about 2 s. OpenSSL writes 2,048, careful programs 600,000.
const MAX_PBKDF2_ITERATIONS: u32 = 5_000_000;

/// Longest PEM text that is looked at. An encrypted P-256 key has about 400 characters.
pub const MAX_PEM: usize = 8 * 1024;

/// Why a text gives no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs8Error {
    /// Not PEM, or not the PEM of a private key.
    #[error("not a private key in PEM: `-----BEGIN PRIVATE KEY-----` (PKCS#8) is needed")]
    Malformed,
    /// A private key, but not P-256.
    #[error("not a P-256 private key")]
    NotP256,
    /// The key is encrypted, and no passcode was given.
    #[error("the key is protected by a passcode")]
    Encrypted,
    /// The key is not encrypted where it must be.
    #[error("the key is not protected by a passcode")]
    NotEncrypted,
    /// It does not open with this passcode (or the file is damaged: the two cannot be told apart).
    #[error("the passcode is wrong, or the key file is damaged")]
    WrongPasscode,
    /// Encrypted in a way that is too old or unknown.
    #[error(
        "the key is encrypted in a way that is not known here: PBES2 with AES and scrypt or PBKDF2 is needed"
    )]
    UnknownEncryption,
    /// Its file asks for more work or memory than a key is worth.
    #[error("the key file asks for too much work to open it")]
    TooMuchWork,
}

/// The key as PKCS#8 in PEM, in the clear. For a file of mode 0600.
pub fn to_pem(key: &PrivateKey) -> Result<Zeroizing<String>, Pkcs8Error> {
    key.secret().to_pkcs8_pem(LineEnding::LF).map_err(|_| Pkcs8Error::Malformed)
}

/// Reads a key that is in the clear.
pub fn from_pem(pem: &str) -> Result<PrivateKey, Pkcs8Error> {
    let (label, document) = parse_pem(pem)?;
    match label {
        PrivateKeyInfoRef::PEM_LABEL => from_document(&document),
        EncryptedPrivateKeyInfoRef::PEM_LABEL => Err(Pkcs8Error::Encrypted),
        _ => Err(Pkcs8Error::Malformed),
    }
}

/// The key as encrypted PKCS#8 in PEM: PBES2 with scrypt and AES-256-CBC.
pub fn to_encrypted_pem(
    key: &PrivateKey,
    passcode: &Passcode,
    rng: &mut impl CryptoRng,
) -> Result<Zeroizing<String>, Pkcs8Error> {
    let cost = scrypt::Params::new(SCRYPT_LOG_N, 8, 1).map_err(|_| Pkcs8Error::TooMuchWork)?;
    let (salt, iv) = (crate::rng::bytes::<16>(rng), crate::rng::bytes::<16>(rng));
    let parameters =
        Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(|_| Pkcs8Error::UnknownEncryption)?;
    let document = key.secret().to_pkcs8_der().map_err(|_| Pkcs8Error::Malformed)?;
    PrivateKeyInfoRef::try_from(document.as_bytes())
        .and_then(|info| info.encrypt_with_params(parameters, passcode.expose()))
        .and_then(|sealed| Ok(sealed.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF)?))
        .map_err(|_| Pkcs8Error::Malformed)
}

/// Reads a key that a passcode protects.
pub fn from_encrypted_pem(pem: &str, passcode: &str) -> Result<PrivateKey, Pkcs8Error> {
    let (label, document) = parse_pem(pem)?;
    match label {
        EncryptedPrivateKeyInfoRef::PEM_LABEL => {}
        PrivateKeyInfoRef::PEM_LABEL => return Err(Pkcs8Error::NotEncrypted),
        _ => return Err(Pkcs8Error::Malformed),
    }
    let sealed = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| {
        // The structure may be sound and only its algorithm unknown: that is the likelier of the two.
        Pkcs8Error::UnknownEncryption
    })?;
    check_work(&sealed.encryption_algorithm)?;
    let opened = sealed.decrypt(passcode).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => {
            Pkcs8Error::UnknownEncryption
        }
        _ => Pkcs8Error::WrongPasscode,
    })?;
    // CBC does not authenticate: a wrong passcode may leave padding that looks right, once in 256.
    if PrivateKeyInfoRef::try_from(opened.as_bytes()).is_err() {
        return Err(Pkcs8Error::WrongPasscode);
    }
    from_document(&opened)
}

fn parse_pem(pem: &str) -> Result<(&str, SecretDocument), Pkcs8Error> {
    if pem.len() > MAX_PEM {
        return Err(Pkcs8Error::Malformed);
    }
    // People's files may begin with comment lines or end with blank ones (RFC 7468, section 2).
    let start = pem.find("-----BEGIN ").ok_or(Pkcs8Error::Malformed)?;
    SecretDocument::from_pem(pem.get(start..).unwrap_or_default().trim_end())
        .map_err(|_| Pkcs8Error::Malformed)
}

fn from_document(document: &SecretDocument) -> Result<PrivateKey, Pkcs8Error> {
    let secret = SecretKey::from_pkcs8_der(document.as_bytes()).map_err(|_| Pkcs8Error::NotP256)?;
    PrivateKey::from_secret(secret).map_err(|_| Pkcs8Error::NotP256)
}

/// The file says how much work opening it takes, so the file must not be believed without bounds.
fn check_work(scheme: &EncryptionScheme) -> Result<(), Pkcs8Error> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Err(Pkcs8Error::UnknownEncryption) };
    let bearable = match &parameters.kdf {
        Kdf::Scrypt(scrypt) => {
            let bytes =
                scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            bytes <= MAX_SCRYPT_BYTES && scrypt.parallelization <= MAX_SCRYPT_LANES
        }
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_PBKDF2_ITERATIONS,
        _ => return Err(Pkcs8Error::UnknownEncryption),
    };
    if bearable { Ok(()) } else { Err(Pkcs8Error::TooMuchWork) }
}

#[cfg(test)]
mod tests;
