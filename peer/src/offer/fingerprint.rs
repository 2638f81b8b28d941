//! What one person reads to another so that both know which key they mean.

use std::str::FromStr;

use streembit_keys::Thumbprint;

/// A thumbprint as somebody told it: all of it, or its beginning.
///
/// [`Fingerprint::FEWEST`] characters of the thumbprint's own base64url are enough, which are 96 bits. Whoever wants to pass
/// for another needs a key whose thumbprint begins like one that is there already; that takes 2^96 keys. (Two keys of
/// one's own that begin alike take only 2^48, and deceive nobody: neither is the one that was told.) The alphabet stays
/// base64url, though reading it aloud means saying which letters are capitals: every program and every page shows thumbprints
/// like that, and a second form of the same key would be one more thing to mistake. White space does not count, so it can
/// be written in groups.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(Box<str>);

/// The text cannot be compared with a thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint has {} letters, digits, `-` and `_`, of which the first {} are enough",
    Fingerprint::WHOLE,
    Fingerprint::FEWEST
)]
pub struct BadFingerprint;

impl Fingerprint {
    /// The fewest characters that say enough: six bits each.
    pub const FEWEST: usize = 16;

    /// The characters of a whole thumbprint: 32 bytes in base64url.
    pub const WHOLE: usize = 43;

    /// Whether this is what was told of that key.
    pub fn matches(&self, thumbprint: &Thumbprint) -> bool {
        thumbprint.to_string().starts_with(&*self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).take(Self::WHOLE + 1).collect();
        let fits = (Self::FEWEST..=Self::WHOLE).contains(&bare.len());
        let told = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if fits && bare.bytes().all(told) { Ok(Self(bare.into())) } else { Err(BadFingerprint) }
    }
}

crate::encoded::checked_text!(Fingerprint);

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Fingerprint, BadFingerprint> {
        text.parse()
    }

    #[test]
    fn the_whole_and_sixteen_characters_match_and_fewer_say_nothing() {
        let key = Thumbprint::from_bytes([0x5a; 32]);
        let whole = key.to_string();
        for end in Fingerprint::FEWEST..=Fingerprint::WHOLE {
            assert!(told(&whole[..end]).unwrap().matches(&key), "{end}");
        }
        let spaced = format!(" {} {}\t{}\n", &whole[..4], &whole[4..8], &whole[8..]);
        assert!(told(&spaced).unwrap().matches(&key));
        for end in 0..Fingerprint::FEWEST {
            assert_eq!(told(&whole[..end]), Err(BadFingerprint), "{end}");
        }
    }

    #[test]
    fn one_other_character_or_capital_is_another_key() {
        let key = Thumbprint::from_bytes([0x5a; 32]);
        let whole = key.to_string();
        for at in 0..Fingerprint::WHOLE {
            let mut other = whole.clone().into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            assert!(!told(&String::from_utf8(other).unwrap()).unwrap().matches(&key), "{at}");
        }
        assert!(!told(&whole.to_lowercase()).unwrap().matches(&key));
        assert!(!told(&whole[1..]).unwrap().matches(&key), "its end is not its beginning");
    }

    #[test]
    fn what_is_no_fingerprint_is_told_from_a_wrong_one() {
        let long = "a".repeat(Fingerprint::WHOLE + 1);
        let endless = "a".repeat(1 << 20);
        for text in ["", "0123456789abcde", "0123456789abcdef…", "0123456789abcde+", &long, &endless] {
            assert_eq!(told(text), Err(BadFingerprint), "{text:.50}");
        }
    }
}
