//! Public keys as people and other programs write them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::{KeyError, PublicKey, jwk};

/// Longest text that is looked at: a JWK with a few members of its own. Bounds what base58 costs (it is quadratic).
const MAX_TEXT: usize = 2048;

/// With or without padding, as it comes.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

impl PublicKey {
    /// Reads a public key in whatever form people have it: a SEC1 point, compressed or not, in hex, base58, base64 or
    /// base64url, or a JWK. White space around and inside (from a wrapped mail) does not matter.
    ///
    /// No text is a key in two of the forms: the length and first characters of a point's first byte (2, 3 or 4) differ
    /// in each. So the first form that gives a point on the curve is the one that was meant.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_TEXT {
            return Err(KeyError::Public);
        }
        if text.trim_start().starts_with('{') {
            return jwk::parse(text);
        }
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let readings = [
            hex(&compact),
            BASE64URL.decode(&compact).ok(),
            BASE64.decode(&compact).ok(),
            bs58::decode(&compact).into_vec().ok(),
        ];
        readings.into_iter().flatten().find_map(|bytes| Self::from_sec1(&bytes).ok()).ok_or(KeyError::Public)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs
        .iter()
        .map(|[high, low]| {
            let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some(digit(high)? << 4 | digit(low)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use p256::elliptic_curve::sec1::ToSec1Point as _;

    use super::*;
    use crate::PrivateKey;

    fn to_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn every_form_of_many_keys_is_read() {
        for _ in 0..64 {
            let key = PrivateKey::generate(&mut crate::rng::system()).public().clone();
            let long = key.point().to_sec1_point(false);
            for bytes in [key.to_sec1().as_slice(), long.as_bytes()] {
                let forms = [
                    to_hex(bytes),
                    to_hex(bytes).to_uppercase(),
                    format!("0x{}", to_hex(bytes)),
                    STANDARD.encode(bytes),
                    STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
                    URL_SAFE_NO_PAD.encode(bytes),
                    bs58::encode(bytes).into_string(),
                    format!("  {}\r\n{}\n", &to_hex(bytes)[..20], &to_hex(bytes)[20..]),
                ];
                for form in forms {
                    assert_eq!(PublicKey::from_text(&form).as_ref(), Ok(&key), "{form}");
                }
            }
            assert_eq!(PublicKey::from_text(&format!("\n{}", key.to_jwk())), Ok(key));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = PrivateKey::generate(&mut crate::rng::system()).public().clone();
        let good = to_hex(&key.to_sec1());
        let off_curve = format!("04{}", "11".repeat(64));
        let bad = [
            String::new(),
            "{".into(),
            "00".into(),
            good[..64].into(),
            format!("{good}00"),
            format!("{good}0"),
            // The compact point of draft-jivsov has another tag and no sign: another spelling of the same key.
            format!("05{}", &good[2..]),
            off_curve,
            "é".repeat(33),
            "A".repeat(MAX_TEXT + 1),
        ];
        for text in bad {
            assert!(PublicKey::from_text(&text).is_err(), "{text}");
        }
    }
}
