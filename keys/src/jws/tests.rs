use super::*;

const TYP: Typ = Typ::new("sb-test");
const OTHER: Typ = Typ::new("sb-other");

fn fresh() -> PrivateKey {
    PrivateKey::generate(&mut crate::rng::system())
}

/// A compact JWS with this header, signed properly.
fn signed(key: &PrivateKey, header: &str, payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())))
}

/// RFC 7515, appendix A.3: it has no `typ`, so only the signature below the header's check can be tried.
#[test]
fn the_signature_of_rfc_7515_appendix_a_3() {
    let compact = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290\
                   Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let key = PublicKey::from_jwk(jwk).unwrap();
    let secret = URL_SAFE_NO_PAD.decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI").unwrap();
    assert_eq!(PrivateKey::from_scalar(&secret).unwrap().public(), &key);

    let (input, signature) = compact.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.verify(input.as_bytes(), &signature).is_ok());
    signature[63] ^= 1;
    assert!(key.verify(input.as_bytes(), &signature).is_err());
    // Without a `typ` it is of no kind that we know.
    assert_eq!(verify(compact, TYP, &key), Err(JwsError::Typ { expected: "sb-test" }));
}

#[test]
fn what_one_key_signs_as_one_kind_holds_for_that_key_and_kind_only() {
    let (key, other) = (fresh(), fresh());
    let compact = sign(&key, TYP, b"payload");
    assert_eq!(verify(&compact, TYP, key.public()).unwrap(), b"payload");
    assert_eq!(verify(&compact, TYP, other.public()), Err(JwsError::Signature));
    assert_eq!(verify(&compact, OTHER, key.public()), Err(JwsError::Typ { expected: "sb-other" }));
    assert_eq!(Unverified::parse(&compact, TYP).unwrap().claimed_payload(), b"payload");
}

#[test]
fn the_algorithm_is_not_for_the_sender_to_choose() {
    let key = fresh();
    for alg in ["none", "None", "HS256", "ES384", "es256", "RS256", ""] {
        let compact = signed(&key, &format!(r#"{{"alg":"{alg}","typ":"sb-test"}}"#), b"x");
        assert_eq!(verify(&compact, TYP, key.public()), Err(JwsError::Algorithm), "{alg}");
    }
    let compact = signed(&key, r#"{"typ":"sb-test"}"#, b"x");
    assert_eq!(verify(&compact, TYP, key.public()), Err(JwsError::Algorithm));
}

#[test]
fn critical_headers_are_refused_whatever_they_say() {
    let key = fresh();
    for crit in [r#"["exp"]"#, "[]", "null", r#""b64""#] {
        let compact = signed(&key, &format!(r#"{{"alg":"ES256","typ":"sb-test","crit":{crit}}}"#), b"x");
        assert_eq!(verify(&compact, TYP, key.public()), Err(JwsError::Critical), "{crit}");
    }
}

#[test]
fn a_key_in_the_header_is_never_looked_at() {
    let (key, attacker) = (fresh(), fresh());
    let header = format!(r#"{{"alg":"ES256","typ":"sb-test","jwk":{}}}"#, attacker.public().to_jwk());
    let compact = signed(&attacker, &header, b"x");
    assert_eq!(verify(&compact, TYP, key.public()), Err(JwsError::Signature));
}

#[test]
fn odd_headers_and_shapes_are_refused() {
    let key = fresh();
    let twice = signed(&key, r#"{"alg":"none","alg":"ES256","typ":"sb-test"}"#, b"x");
    let array = signed(&key, r#"["ES256","sb-test"]"#, b"x");
    let long =
        signed(&key, &format!(r#"{{"alg":"ES256","typ":"sb-test","x":"{}"}}"#, "y".repeat(MAX_HEADER)), b"x");
    let good = sign(&key, TYP, b"x");
    let shapes = [
        twice,
        array,
        long,
        String::new(),
        ".".into(),
        "..".into(),
        format!("{good}.AA"),
        format!("AA.{good}"),
        format!("{good}="),
        good.replacen('.', "", 1),
        format!(" {good}"),
    ];
    for bad in shapes {
        assert!(verify(&bad, TYP, key.public()).is_err(), "{bad}");
    }
}

#[test]
fn every_flipped_character_and_every_cut_is_noticed() {
    let key = fresh();
    let good = sign(&key, TYP, b"open the door");
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&changed, TYP, key.public()).is_err(), "at {at}: {changed}");
        assert!(verify(&good[..at], TYP, key.public()).is_err(), "{at}");
    }
}
