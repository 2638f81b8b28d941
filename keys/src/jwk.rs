//! Public keys as JSON Web Keys (RFC 7517; RFC 7518, section 6.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::{KeyError, PublicKey};

/// What we read of a JWK: members that are not named here say nothing about which key it is.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    d: Option<serde::de::IgnoredAny>,
}

impl PublicKey {
    /// The key as a JWK with just the required members in the order of RFC 7638: the text that its thumbprint hashes.
    pub fn to_jwk(&self) -> String {
        canonical(self.uncompressed())
    }

    /// Reads a JWK. The caller bounds its length.
    ///
    /// One with a private part is refused: whoever shows it has shown a secret and should be told.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        parse(json)
    }
}

/// RFC 7638, section 3: the required members in lexical order, without white space.
pub(crate) fn canonical(uncompressed: &[u8; 65]) -> String {
    let [_, xy @ ..] = uncompressed;
    let (x, y) = xy.split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
}

pub(crate) fn parse(json: &str) -> Result<PublicKey, KeyError> {
    // A derived struct would also be read from a JSON array.
    if !json.trim_start().starts_with('{') {
        return Err(KeyError::Public);
    }
    let jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError::Public)?;
    if jwk.d.is_some() {
        return Err(KeyError::PrivateShown);
    }
    if jwk.kty != "EC" || jwk.crv != "P-256" {
        return Err(KeyError::Public);
    }
    let mut point = [4; 65];
    for (coordinate, half) in [&jwk.x, &jwk.y].into_iter().zip(point[1..].chunks_exact_mut(32)) {
        // RFC 7518, section 6.2.1.2: always the full 32 bytes.
        match URL_SAFE_NO_PAD.decode_slice(coordinate, half) {
            Ok(32) => {}
            _ => return Err(KeyError::Public),
        }
    }
    PublicKey::from_sec1(&point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;

    /// RFC 7515, appendix A.3.1.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    #[test]
    fn the_key_of_rfc_7515_is_read_whatever_else_its_jwk_says() {
        let plain = format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}","y":"{Y}"}}"#);
        let more = format!(r#" {{"kid":"1","y":"{Y}","use":"sig","x":"{X}","kty":"EC","crv":"P-256"}} "#);
        let key = PublicKey::from_jwk(&plain).unwrap();
        assert_eq!(PublicKey::from_jwk(&more).unwrap(), key);
        assert_eq!(key.to_jwk(), plain);
    }

    #[test]
    fn a_jwk_that_shows_a_private_key_is_refused_and_says_so() {
        let shown = format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}","y":"{Y}","d":"AA"}}"#);
        assert_eq!(PublicKey::from_jwk(&shown), Err(KeyError::PrivateShown));
    }

    #[test]
    fn other_curves_twice_named_members_and_short_coordinates_are_refused() {
        let short = &X[..42];
        for bad in [
            format!(r#"{{"crv":"P-384","kty":"EC","x":"{X}","y":"{Y}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"OKP","x":"{X}","y":"{Y}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{Y}","y":"{X}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}","y":"{Y}","y":"{Y}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{short}","y":"{Y}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}=","y":"{Y}"}}"#),
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{X}A","y":"{Y}"}}"#),
            format!(r#"["EC","P-256","{X}","{Y}",null]"#),
        ] {
            assert_eq!(PublicKey::from_jwk(&bad), Err(KeyError::Public), "{bad}");
        }
    }

    #[test]
    fn a_key_survives_the_way_there_and_back() {
        for _ in 0..32 {
            let key = PrivateKey::generate(&mut crate::rng::system()).public().clone();
            assert_eq!(PublicKey::from_jwk(&key.to_jwk()), Ok(key));
        }
    }
}
