//! Names of Things and affordances.

use std::borrow::Borrow;
use std::str::FromStr;

/// The name of a Thing on a device, or of one of its affordances: 1 to 64 characters of `[A-Za-z0-9._-]`.
///
/// It is the same text in a message, a configuration, a log and on a command line: nothing in it needs quoting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// The longest name, in bytes. Affordances of real Thing Descriptions stay below 40; a log line holds two of them.
    pub const MAX: usize = 64;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters, each a letter (A-Z, a-z), a digit, '.', '_' or '-'")]
pub struct NotAName;

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(allowed) {
            return Err(NotAName);
        }
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

crate::encoded::checked_text!(Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_call_things() {
        for text in ["garage-door", "temp_2", "v1.0", "X", &"n".repeat(64)] {
            assert_eq!(text.parse::<Name>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn refuses_what_would_need_quoting() {
        for text in ["", &"n".repeat(65), "a/b", "a b", "a\n", "tür", "a\u{202e}b", "*", "a\0"] {
            assert_eq!(text.parse::<Name>(), Err(NotAName), "{text:?}");
            assert!(serde_json::from_value::<Name>(text.into()).is_err());
        }
    }
}
