//! Passcodes that protect a person's key, by the whitepaper's rule.

use std::fmt;

use zeroize::Zeroizing;

/// Shortest passcode, in characters: the whitepaper's number.
pub const MIN_LENGTH: usize = 8;

/// Longest passcode, in bytes: enough for any sentence, and a bound on what is hashed.
pub const MAX_BYTES: usize = 1024;

/// A passcode that is strong enough to protect a key with. Never printed, zeroised on drop.
///
/// Opening a key takes any text: the rule is for what we write, not for what somebody else wrote.
pub struct Passcode(Zeroizing<String>);

impl Passcode {
    /// Checks the rule: at least 8 characters, among them an upper-case and a lower-case letter, a digit, and a special
    /// character (anything that is neither letter nor digit, a space too).
    pub fn new(text: Zeroizing<String>) -> Result<Self, WeakPasscode> {
        let mut weak = WeakPasscode { too_long: text.len() > MAX_BYTES, ..WeakPasscode::default() };
        if !weak.too_long {
            weak.too_short = text.chars().count() < MIN_LENGTH;
            weak.no_upper = !text.chars().any(char::is_uppercase);
            weak.no_lower = !text.chars().any(char::is_lowercase);
            weak.no_digit = !text.chars().any(|c| c.is_ascii_digit());
            // Control characters are left out: they come from a terminal or a file by accident.
            weak.no_special = !text.chars().any(|c| !c.is_alphanumeric() && !c.is_control());
        }
        if weak == WeakPasscode::default() { Ok(Self(text)) } else { Err(weak) }
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

/// Everything that a passcode lacks, so that nobody has to find it out one refusal at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WeakPasscode {
    too_short: bool,
    too_long: bool,
    no_upper: bool,
    no_lower: bool,
    no_digit: bool,
    no_special: bool,
}

impl fmt::Display for WeakPasscode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.too_long {
            return write!(f, "the passcode is too long: {MAX_BYTES} bytes at most");
        }
        let parts = [
            (self.too_short, "at least 8 characters"),
            (self.no_upper, "an upper-case letter"),
            (self.no_lower, "a lower-case letter"),
            (self.no_digit, "a digit"),
            (self.no_special, "a special character (such as ! or -)"),
        ];
        let missing: Vec<&str> = parts.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect();
        write!(f, "the passcode is too weak; it lacks: {}", missing.join(", "))
    }
}

impl std::error::Error for WeakPasscode {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Passcode, WeakPasscode> {
        Passcode::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn the_rule_is_met() {
        for good in ["Abcdef1!", "Ünïcode 9", "correct Horse battery 5taple", "ÀÉ1é-----"] {
            assert_eq!(check(good).unwrap().expose(), good);
        }
    }

    #[test]
    fn each_missing_part_is_named() {
        let cases = [
            ("Abcde1!", "at least 8 characters"),
            ("abcdef1!", "an upper-case letter"),
            ("ABCDEF1!", "a lower-case letter"),
            ("Abcdefg!", "a digit"),
            ("Abcdefg1", "a special character (such as ! or -)"),
        ];
        for (text, lacks) in cases {
            let message = check(text).unwrap_err().to_string();
            assert_eq!(message, format!("the passcode is too weak; it lacks: {lacks}"), "{text}");
        }
    }

    #[test]
    fn all_missing_parts_are_named_at_once() {
        let message = check("").unwrap_err().to_string();
        for part in ["8 characters", "upper-case", "lower-case", "digit", "special"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_and_bounded_in_bytes() {
        // Seven characters in eleven bytes.
        assert!(check("Éàü1!öä").unwrap_err().to_string().contains("at least 8"));
        assert!(
            check(&format!("Aa1!{}", "x".repeat(MAX_BYTES))).unwrap_err().to_string().contains("too long")
        );
        assert!(check(&format!("Aa1!{}", "x".repeat(MAX_BYTES - 4))).is_ok());
    }

    #[test]
    fn a_control_character_is_not_special() {
        assert!(check("Abcdefg1\n").is_err());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        assert!(!format!("{:?}", check("Abcdef1!").unwrap()).contains("Abc"));
    }
}
