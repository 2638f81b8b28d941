//! The two libraries against each other, and signatures at the edges.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature as Ecdsa, SigningKey, VerifyingKey};
use proptest::prelude::*;

use super::*;
use crate::PrivateKey;

/// The order of the group, big-endian (SEC 2, section 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn fresh() -> PrivateKey {
    PrivateKey::generate(&mut crate::rng::system())
}

/// ORDER - n.
fn negate(n: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = false;
    for i in (0..32).rev() {
        let (difference, first) = ORDER[i].overflowing_sub(n[i]);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        out[i] = difference;
        borrow = first || second;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_aws_lc_signs_p256_verifies_and_the_other_way_round(
        scalar in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..300),
        flip in 0_usize..64 * 8,
    ) {
        let Ok(key) = PrivateKey::from_scalar(&scalar) else { return Ok(()) };
        let theirs = SigningKey::from_slice(&scalar).unwrap();
        let their_verifier = VerifyingKey::from(&theirs);
        let point = their_verifier.to_sec1_point(true);
        prop_assert!(PublicKey::from_sec1(point.as_bytes()).as_ref() == Ok(key.public()));

        let ours = key.sign(&message);
        prop_assert!(their_verifier.verify(&message, &Ecdsa::from_slice(&ours).unwrap()).is_ok());
        let signature: Ecdsa = theirs.sign(&message);
        let signature = signature.to_bytes();
        prop_assert!(key.public().verify(&message, &signature).is_ok());

        // Both say no to the same things.
        for good in [ours.as_slice(), &signature] {
            let mut bad = good.to_vec();
            bad[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(key.public().verify(&message, &bad).is_err());
            let refused = Ecdsa::from_slice(&bad).map_or(true, |bad| their_verifier.verify(&message, &bad).is_err());
            prop_assert!(refused);
            let mut longer = message.clone();
            longer.push(0);
            prop_assert!(key.public().verify(&longer, good).is_err());
        }
    }

    #[test]
    fn both_libraries_read_the_same_points(bytes in prop::collection::vec(any::<u8>(), 32), sign in 2_u8..4) {
        let mut point = vec![sign];
        point.extend(bytes);
        let ours = PublicKey::from_sec1(&point);
        prop_assert_eq!(ours.is_ok(), p256::PublicKey::from_sec1_bytes(&point).is_ok());
        if let Ok(key) = ours {
            prop_assert!(key.to_sec1().as_slice() == point);
        }
    }
}

/// ES256 has two signatures for each: (r, s) and (r, n - s). RFC 7518 does not choose between them, so both hold; that is
/// why nothing is ever told apart by the bytes of a signature.
#[test]
fn a_high_s_holds_as_es256_says() {
    let key = fresh();
    let mut signature = key.sign(b"message");
    let other = negate(&signature[32..]);
    signature[32..].copy_from_slice(&other);
    assert!(key.public().verify(b"message", &signature).is_ok());
    let theirs = VerifyingKey::from_sec1_bytes(&key.public().to_sec1()).unwrap();
    assert!(theirs.verify(b"message", &Ecdsa::from_slice(&signature).unwrap()).is_ok());
}

#[test]
fn zeros_the_order_and_wrong_lengths_never_hold() {
    let key = fresh();
    let good = key.sign(b"message");
    let with = |r: Option<&[u8]>, s: Option<&[u8]>| {
        let mut bytes = good;
        bytes[..32].copy_from_slice(r.unwrap_or(&good[..32]));
        bytes[32..].copy_from_slice(s.unwrap_or(&good[32..]));
        bytes
    };
    let zero: &[u8] = &[0; 32];
    let ones: &[u8] = &[0xff; 32];
    let bad = [
        with(Some(zero), None),
        with(None, Some(zero)),
        with(Some(zero), Some(zero)),
        with(Some(&ORDER), None),
        with(None, Some(&ORDER)),
        with(Some(ones), Some(ones)),
    ];
    for signature in bad {
        assert!(key.public().verify(b"message", &signature).is_err(), "{signature:?}");
    }
    for length in 0..64 {
        assert!(key.public().verify(b"message", &good[..length]).is_err(), "{length}");
    }
    let mut longer = good.to_vec();
    longer.push(0);
    assert!(key.public().verify(b"message", &longer).is_err());
    // The form of X.509 is not the form of JOSE.
    let der = Ecdsa::from_slice(&good).unwrap().to_der();
    assert!(key.public().verify(b"message", der.as_bytes()).is_err());
}

#[test]
fn the_slow_way_to_sign_holds_too() {
    let key = fresh();
    assert!(key.public().verify(b"message", &key.sign_slowly(b"message")).is_ok());
}

#[test]
fn keys_at_the_edges() {
    assert!(PrivateKey::from_scalar(&[0; 32]).is_err());
    assert!(PrivateKey::from_scalar(&ORDER).is_err());
    assert!(PrivateKey::from_scalar(&[1; 31]).is_err());
    assert!(PrivateKey::from_scalar(&[1; 33]).is_err());
    let mut last = ORDER;
    last[31] -= 1;
    let mut first = [0; 32];
    first[31] = 1;
    // 1 and n - 1 are one point and its negative: the same x, another key.
    let (first, last) = (PrivateKey::from_scalar(&first).unwrap(), PrivateKey::from_scalar(&last).unwrap());
    assert_eq!(first.public().to_sec1()[1..], last.public().to_sec1()[1..]);
    assert_ne!(first.public(), last.public());
    for bad in [&[0][..], &[], &[4; 65], &[2; 32], &[2; 34]] {
        assert_eq!(PublicKey::from_sec1(bad), Err(KeyError::Public), "{bad:?}");
    }
}

#[test]
fn a_key_in_json_has_one_spelling() {
    let key = fresh().public().clone();
    let text = serde_json::to_string(&key).unwrap();
    assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), key);
    let long = serde_json::to_string(&URL_SAFE_NO_PAD.encode(key.uncompressed())).unwrap();
    assert!(serde_json::from_str::<PublicKey>(&long).is_err());
    let mut compact = key.to_sec1();
    compact[0] = 5;
    let compact = serde_json::to_string(&URL_SAFE_NO_PAD.encode(compact)).unwrap();
    assert!(serde_json::from_str::<PublicKey>(&compact).is_err());
}

/// RFC 9449, section 6.1, has what RFC 7638 does not: a thumbprint of a P-256 key.
#[test]
fn the_thumbprint_of_a_published_key() {
    let jwk = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
    let key = PublicKey::from_jwk(jwk).unwrap();
    assert_eq!(key.thumbprint().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse(), Ok(key.thumbprint()));
}

#[test]
fn a_private_key_prints_its_name_only() {
    let key = fresh();
    assert_eq!(format!("{key:?}"), format!("PrivateKey(of {})", key.public().thumbprint()));
}
