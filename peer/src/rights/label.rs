//! What people call each other.

use std::str::FromStr;

/// A name that a person gives to a contact: one line of at most 64 bytes.
///
/// It is shown on terminals, so nothing in it may move a cursor or turn the direction of writing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The longest label, in bytes.
    pub const MAX: usize = 64;
}

/// The text cannot be a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a contact's name has 1 to 64 bytes, without control or formatting characters, and no space at either end"
)]
pub struct BadLabel;

impl FromStr for Label {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let shown_as_it_is = |c: char| {
            // Besides control characters: zero-width and bidirectional marks, line separators, the byte order mark, tags.
            let formatting = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}');
            !c.is_control() && !formatting
        };
        let fits = !text.is_empty() && text.len() <= Self::MAX && text.trim() == text;
        if fits && text.chars().all(shown_as_it_is) { Ok(Self(text.into())) } else { Err(BadLabel) }
    }
}

crate::encoded::checked_text!(Label);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_names_of_people() {
        for text in ["Anna", "Zoë & Müller", "李雷", "guest-2", "Dr. O'Neill"] {
            assert_eq!(text.parse::<Label>().map(|label| label.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn refuses_what_would_disturb_a_terminal() {
        for text in ["", " a", "a ", "a\nb", "\u{1b}[2J", "a\u{202e}b", "a\u{200b}", &"x".repeat(65)] {
            assert_eq!(text.parse::<Label>(), Err(BadLabel), "{text:?}");
        }
    }
}
