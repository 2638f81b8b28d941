//! The one-step key derivation of NIST SP 800-56A, as RFC 7518 (section 4.6.2) uses it.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Derives a key of 256 bits from what two keys agree on.
///
/// `algorithm` is the `enc` of the JWE (for `ECDH-ES` without key wrapping), `apu` and `apv` the decoded header members.
pub(super) fn derive(shared: &[u8; 32], algorithm: &str, apu: &[u8], apv: &[u8]) -> Zeroizing<[u8; 32]> {
    rounds(shared, algorithm, apu, apv, 256)
}

/// One round of SHA-256 makes every length up to 256 bits: the caller takes the first `bits` of it.
fn rounds(shared: &[u8; 32], algorithm: &str, apu: &[u8], apv: &[u8], bits: u32) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    // The round's number, Z, then OtherInfo: AlgorithmID, PartyUInfo, PartyVInfo, each with its length, SuppPubInfo.
    hash.update(1_u32.to_be_bytes());
    hash.update(shared);
    for part in [algorithm.as_bytes(), apu, apv] {
        // What comes here was bounded to a few KiB by the header's length.
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.update(bits.to_be_bytes());
    Zeroizing::new(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::{PrivateKey, PublicKey};

    fn b64(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 7518, appendix C: Alice's ephemeral key, Bob's static key, `A128GCM`.
    #[test]
    fn the_derivation_of_rfc_7518_appendix_c() {
        let alice = PrivateKey::from_scalar(&b64("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo")).unwrap();
        let bob = PrivateKey::from_scalar(&b64("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw")).unwrap();
        let jwk = |x, y| PublicKey::from_jwk(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#));
        let alices =
            jwk("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps");
        let bobs =
            jwk("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck");
        assert_eq!(alices.as_ref(), Ok(alice.public()));
        assert_eq!(bobs.as_ref(), Ok(bob.public()));

        let shared = alice.diffie_hellman(bob.public());
        assert_eq!(shared, bob.diffie_hellman(alice.public()));
        let z: [u8; 32] = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        assert_eq!(*shared, z);
        let derived = rounds(&shared, "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(URL_SAFE_NO_PAD.encode(&derived[..16]), "VqqN6vgjbSBcIijNcacQGg");
    }
}
