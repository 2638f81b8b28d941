use super::*;

const TYP: Typ = Typ::new("sb-test");
const OTHER: Typ = Typ::new("sb-other");

fn b64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn fresh() -> PrivateKey {
    PrivateKey::generate(&mut crate::rng::system())
}

/// The message of RFC 7520, section 5; its dashes are U+2013.
const FRODO: &str = "You can trust us to stick with you through thick and thin\u{2013}to the bitter end. And you can trust us \
                     to keep any secret of yours\u{2013}closer than you keep it yourself. But you cannot trust us to let you \
                     face trouble alone, and go off without a word. We are your friends, Frodo.";

/// RFC 7520, section 5.2: the content of a JWE under A256GCM (its key came by RSA, which we do not speak).
#[test]
fn the_content_encryption_of_rfc_7520() {
    let key: [u8; 32] = b64("mYMfsggkTAm0TbvtlFh2hyoXnbEzJQjMxmgLN3d8xXA").try_into().unwrap();
    let iv: [u8; IV] = b64("-nBoKLH0YkLZPSI9").try_into().unwrap();
    let header =
        "eyJhbGciOiJSU0EtT0FFUCIsImtpZCI6InNhbXdpc2UuZ2FtZ2VlQGhvYmJpdG9uLmV4YW1wbGUiLCJlbmMiOiJBMjU2R0NNIn0";
    let expected = "o4k2cnGN8rSSw3IDo1YuySkqeS_t2m1GXklSgqBdpACm6UJuJowOHC5ytjqYgRL-I-soPlwqMUf4UgRWWeaOGNw6vGW-\
                    xyM01lTYxrXfVzIIaRdhYtEMRBvBWbEwP7ua1DRfvaOjgZv6Ifa3brcAM64d8p5lhhNcizPersuhw5f-pGYzseva-TUaL8iWnctc-\
                    sSwy7SQmRkfhDjwbz0fz6kFovEgj64X1I5s7E6GLp5fnbYGLa1QUiML7Cc2GxgvI7zqWo0YIEc7aCflLG1-8BboVWFdZKLK9vNoycr\
                    YHumwzKluLWEbSVmaPpOslY2n525DxDfWaVFUfKQxMF56vn4B9QMpWAbnypNimbM8zVOw";
    let tag = "UCGiqJxhBI3IFVdPalHHvA";
    let (ciphertext, sealed_tag) = seal_content(&key, iv, header.as_bytes(), FRODO.as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(&ciphertext), expected);
    assert_eq!(URL_SAFE_NO_PAD.encode(sealed_tag), tag);
    let mut buffer = ciphertext;
    open_content(&key, iv, header.as_bytes(), &mut buffer, sealed_tag).unwrap();
    assert_eq!(buffer, FRODO.as_bytes());
}

/// RFC 7520, section 5.5: the key of `ECDH-ES` without wrapping (there for A128CBC-HS256, which has 256 bits too).
#[test]
fn the_key_agreement_of_rfc_7520() {
    let recipient = PrivateKey::from_scalar(&b64("r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8")).unwrap();
    let ephemeral = PrivateKey::from_scalar(&b64("AtH35vJsQ9SGjYfOsjUxYXQKrPH3FjZHmEtSKoSN8cM")).unwrap();
    let epk = r#"{"kty":"EC","crv":"P-256","x":"mPUKT_bAWGHIhg0TpjjqVsP1rXWQu_vwVOHHtNkdYoA","y":"8BQAsImGeAS46fyWw5MhYfGTT0IjBpFw2SS34Dv4Irs"}"#;
    assert_eq!(PublicKey::from_jwk(epk).as_ref(), Ok(ephemeral.public()));
    let shared = recipient.diffie_hellman(ephemeral.public());
    let derived = concat_kdf::derive(&shared, "A128CBC-HS256", b"", b"");
    assert_eq!(URL_SAFE_NO_PAD.encode(*derived), "hzHdlfQIAEehb8Hrd_mFRhKsKLEzPfshfXs9l6areCc");
}

#[test]
fn only_the_recipient_opens_it_and_only_as_its_kind() {
    let (bob, eve) = (fresh(), fresh());
    let sealed = encrypt_to(bob.public(), TYP, b"hello", &mut crate::rng::system()).unwrap();
    assert_eq!(decrypt(&bob, TYP, &sealed).unwrap().as_slice(), b"hello");
    assert_eq!(decrypt(&eve, TYP, &sealed), Err(JweError::Sealed));
    assert_eq!(decrypt(&bob, OTHER, &sealed), Err(JweError::Typ { expected: "sb-other" }));
}

#[test]
fn two_messages_share_nothing_and_name_nobody() {
    let bob = fresh();
    let seal = || encrypt_to(bob.public(), TYP, b"hello", &mut crate::rng::system()).unwrap();
    let (first, second) = (seal(), seal());
    for (a, b) in first.split('.').zip(second.split('.')).filter(|(a, _)| !a.is_empty()) {
        assert_ne!(a, b);
    }
    let header = String::from_utf8(b64(first.split('.').next().unwrap())).unwrap();
    assert!(!header.contains(&bob.public().thumbprint().to_string()), "{header}");
    assert!(!header.contains("kid") && !header.contains("apv"), "{header}");
}

#[test]
fn parties_are_bound_into_the_key() {
    let bob = fresh();
    let parties = Parties { apu: b"Alice", apv: b"Bob" };
    let sealed = encrypt_between(parties, bob.public(), TYP, b"hello", &mut crate::rng::system()).unwrap();
    assert!(decrypt(&bob, TYP, &sealed).is_ok());
    let (header, rest) = sealed.split_once('.').unwrap();
    let json = String::from_utf8(b64(header)).unwrap();
    let forged = json.replace(&URL_SAFE_NO_PAD.encode("Alice"), &URL_SAFE_NO_PAD.encode("Clive"));
    assert_ne!(json, forged);
    let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(forged));
    assert_eq!(decrypt(&bob, TYP, &forged), Err(JweError::Sealed));
}

#[test]
fn every_flipped_character_is_noticed() {
    let bob = fresh();
    let sealed = encrypt_to(bob.public(), TYP, b"a door", &mut crate::rng::system()).unwrap();
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(decrypt(&bob, TYP, &changed).is_err(), "at {at}: {changed}");
    }
    for end in 0..sealed.len() {
        assert!(decrypt(&bob, TYP, &sealed[..end]).is_err(), "{end}");
    }
}

/// A JWE with this header, sealed as an attacker would who follows all other rules.
fn with_header(recipient: &PublicKey, header: impl Fn(&str) -> String) -> String {
    let ephemeral = fresh();
    let header = URL_SAFE_NO_PAD.encode(header(&ephemeral.public().to_jwk()));
    let key = concat_kdf::derive(&ephemeral.diffie_hellman(recipient), ENC, b"", b"");
    let (ciphertext, tag) = seal_content(&key, [0; IV], header.as_bytes(), b"x").unwrap();
    let [iv, ciphertext, tag] = [&[0; IV][..], &ciphertext, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}..{iv}.{ciphertext}.{tag}")
}

#[test]
fn headers_are_held_to_what_we_speak() {
    let bob = fresh();
    let open =
        |header: &dyn Fn(&str) -> String| decrypt(&bob, TYP, &with_header(bob.public(), header)).map(|_| ());
    let good = |epk: &str| format!(r#""alg":"ECDH-ES","enc":"A256GCM","typ":"sb-test","epk":{epk}"#);

    assert_eq!(open(&|epk| format!("{{{}}}", good(epk))), Ok(()));
    assert_eq!(open(&|epk| format!(r#"{{{},"kid":"x","cty":"y"}}"#, good(epk))), Ok(()));
    for zip in [r#""DEF""#, "null", r#""""#] {
        let refused = open(&|epk| format!(r#"{{{},"zip":{zip}}}"#, good(epk)));
        assert_eq!(refused, Err(JweError::Algorithm("nothing is compressed")), "{zip}");
    }
    for crit in [r#"["exp"]"#, "[]", "null"] {
        assert_eq!(
            open(&|epk| format!(r#"{{{},"crit":{crit}}}"#, good(epk))),
            Err(JweError::Critical),
            "{crit}"
        );
    }
    for (from, to) in [("ECDH-ES", "ECDH-ES+A256KW"), ("ECDH-ES", "dir"), ("A256GCM", "A128GCM")] {
        let refused = open(&|epk| format!("{{{}}}", good(epk).replace(from, to)));
        assert!(matches!(refused, Err(JweError::Algorithm(_))), "{to}: {refused:?}");
    }
    for broken in [
        open(&|epk| format!(r#"{{{},"alg":"ECDH-ES"}}"#, good(epk))),
        open(&|_| r#"{"alg":"ECDH-ES","enc":"A256GCM","typ":"sb-test"}"#.to_owned()),
        open(&|epk| format!(r#"["ECDH-ES","A256GCM","sb-test",{epk}]"#)),
        open(&|epk| format!(r#"{{{},"apu":"not base64url!"}}"#, good(epk))),
        open(&|epk| format!(r#"{{{},"x":"{}"}}"#, good(epk), "y".repeat(MAX_HEADER))),
    ] {
        assert!(matches!(broken, Err(JweError::Malformed(_))), "{broken:?}");
    }
}

#[test]
fn an_ephemeral_point_off_the_curve_is_refused() {
    let bob = fresh();
    let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
    let ones = URL_SAFE_NO_PAD.encode([1; 32]);
    for (x, y) in [(&zeros, &zeros), (&ones, &ones)] {
        let sealed = with_header(bob.public(), |_| {
            format!(
                r#"{{"alg":"ECDH-ES","enc":"A256GCM","typ":"sb-test","epk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}}}"#
            )
        });
        let refused = decrypt(&bob, TYP, &sealed);
        assert_eq!(refused, Err(JweError::Malformed("`epk` is not a P-256 public key")));
    }
}
