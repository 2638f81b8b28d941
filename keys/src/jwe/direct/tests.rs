use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use proptest::prelude::*;

use super::*;

fn pair() -> (Direct, [u8; 32]) {
    let key = crate::rng::bytes(&mut crate::rng::system());
    (Direct::new(Zeroizing::new(key)).unwrap(), key)
}

#[test]
fn the_header_is_what_it_says() {
    assert_eq!(URL_SAFE_NO_PAD.decode(HEADER).unwrap(), br#"{"alg":"dir","enc":"A256GCM"}"#);
}

#[test]
fn a_message_opens_at_its_own_place_only() {
    let (key, _) = pair();
    let sealed = key.seal(7, b"hello").unwrap();
    assert_eq!(sealed.split('.').count(), 5);
    assert_eq!(key.open(7, &sealed).unwrap(), b"hello");
    for other in [0, 6, 8, u64::MAX] {
        assert_eq!(key.open(other, &sealed), Err(JweError::Sealed), "{other}");
    }
}

#[test]
fn another_key_does_not_open_it() {
    let sealed = pair().0.seal(1, b"hello").unwrap();
    assert_eq!(pair().0.open(1, &sealed), Err(JweError::Sealed));
}

#[test]
fn a_forged_counter_in_the_text_does_not_help() {
    let (key, _) = pair();
    let sealed = key.seal(1, b"hello").unwrap();
    let moved = sealed.replace(&URL_SAFE_NO_PAD.encode(iv_of(1)), &URL_SAFE_NO_PAD.encode(iv_of(2)));
    assert_ne!(sealed, moved);
    assert_eq!(key.open(2, &moved), Err(JweError::Sealed));
    assert_eq!(key.open(1, &moved), Err(JweError::Sealed));
}

#[test]
fn no_other_header_is_taken_even_where_it_says_the_same() {
    let (key, _) = pair();
    let sealed = key.seal(1, b"hello").unwrap();
    for header in [
        r#"{"enc":"A256GCM","alg":"dir"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":["x"]}"#,
        r#"{ "alg":"dir","enc":"A256GCM"}"#,
    ] {
        let changed = sealed.replace(HEADER, &URL_SAFE_NO_PAD.encode(header));
        assert!(matches!(key.open(1, &changed), Err(JweError::Algorithm(_))), "{header}");
    }
}

#[test]
fn every_flipped_character_and_every_cut_is_noticed() {
    let (key, _) = pair();
    let sealed = key.seal(1, b"a door").unwrap();
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(key.open(1, std::str::from_utf8(&bytes).unwrap()).is_err(), "{at}");
        assert!(key.open(1, &sealed[..at]).is_err(), "{at}");
    }
    for more in [".", "A", "AA", ".AA"] {
        assert!(key.open(1, &format!("{sealed}{more}")).is_err(), "{more}");
    }
}

#[test]
fn an_encrypted_key_part_is_refused() {
    let (key, _) = pair();
    let sealed = key.seal(1, b"hello").unwrap();
    assert!(key.open(1, &sealed.replacen("..", ".AAAA.", 1)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Both libraries make the same bytes, so what one seals the other opens.
    #[test]
    fn it_agrees_with_the_aes_gcm_crate(
        key in any::<[u8; 32]>(),
        counter in any::<u64>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let direct = Direct::new(Zeroizing::new(key)).unwrap();
        let mut buffer = plaintext.clone();
        let nonce = Nonce::from(iv_of(counter));
        let tag = Aes256Gcm::new((&key).into())
            .encrypt_inout_detached(&nonce, HEADER.as_bytes(), buffer.as_mut_slice().into())
            .unwrap();
        let theirs = format!(
            "{HEADER}..{}.{}.{}",
            URL_SAFE_NO_PAD.encode(iv_of(counter)),
            URL_SAFE_NO_PAD.encode(&buffer),
            URL_SAFE_NO_PAD.encode(tag),
        );
        prop_assert_eq!(&direct.seal(counter, &plaintext).unwrap(), &theirs);
        prop_assert_eq!(direct.open(counter, &theirs).unwrap(), plaintext);
    }
}
