use std::fmt;
use std::str::FromStr;

use super::HardwareError;

/// Which line an owner gave to a logical name, and how it is to be used.
///
/// As text, in the config file and in `grant`: `gpiochip0 line 4, output, safe state off`. The line is an offset or a
/// name; further parts are `input`, `active low`, `pull up`, `pull down` and `safe state on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The line.
    pub line: Line,
    /// Whether it is read or driven.
    pub direction: Direction,
    /// Whether a low level means active.
    pub active_low: bool,
    /// The resistor of an input.
    pub bias: Option<Bias>,
    /// Whether an output is active when nobody holds it.
    pub safe: bool,
}

/// A physical line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The chip's name, such as `gpiochip0`.
    pub chip: String,
    /// The line of the chip.
    pub id: LineId,
}

/// How a line is found on its chip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineId {
    /// By its number.
    Offset(u32),
    /// By the name that the firmware gave it.
    Name(String),
}

/// Whether a line is read or driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Read and watched.
    Input,
    /// Driven.
    Output,
}

/// The resistor of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// To the supply: open reads high.
    PullUp,
    /// To ground: open reads low.
    PullDown,
}

/// The text is not a [`Binding`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not understood: write it like `gpiochip0 line 4, output, safe state off`")]
pub struct BindingError {
    /// The part that is not understood.
    pub part: String,
}

impl Binding {
    pub(super) fn require(&self, direction: Direction) -> Result<(), HardwareError> {
        if self.direction == direction {
            return Ok(());
        }
        let reason = match self.direction {
            Direction::Input => "it is bound as an input",
            Direction::Output => "it is bound as an output",
        };
        Err(HardwareError::NoSuchLine { line: self.line.to_string(), reason: reason.to_owned() })
    }
}

/// A chip or line name is a part of a path in the simulation, and a folder's entry below /dev.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':' | b'+'))
}

impl FromStr for Binding {
    type Err = BindingError;

    fn from_str(text: &str) -> Result<Self, BindingError> {
        let refuse = |part: &str| BindingError { part: part.chars().take(80).collect() };
        let mut parts = text.split(',').map(str::trim);
        let first = parts.next().unwrap_or_default();
        let line = match first.split_whitespace().collect::<Vec<_>>()[..] {
            [chip, "line", id] if is_name(chip) && is_name(id) => Line {
                chip: chip.to_owned(),
                id: id.parse().map_or_else(|_| LineId::Name(id.to_owned()), LineId::Offset),
            },
            _ => return Err(refuse(first)),
        };
        let (mut direction, mut active_low, mut bias, mut safe) = (None, false, None, None);
        for part in parts {
            match part {
                "input" if direction.is_none() => direction = Some(Direction::Input),
                "output" if direction.is_none() => direction = Some(Direction::Output),
                "active low" if !active_low => active_low = true,
                "pull up" if bias.is_none() => bias = Some(Bias::PullUp),
                "pull down" if bias.is_none() => bias = Some(Bias::PullDown),
                "safe state off" if safe.is_none() => safe = Some(false),
                "safe state on" if safe.is_none() => safe = Some(true),
                other => return Err(refuse(other)),
            }
        }
        // Guessing a direction could drive a line that something else drives too.
        let direction = direction.ok_or_else(|| refuse("a binding without input or output"))?;
        match direction {
            Direction::Input if safe.is_some() => Err(refuse("a safe state of an input")),
            Direction::Output if bias.is_some() => Err(refuse("a pull resistor of an output")),
            _ => Ok(Self { line, direction, active_low, bias, safe: safe.unwrap_or(false) }),
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.line)?;
        match (self.direction, self.safe) {
            (Direction::Input, _) => f.write_str(", input")?,
            (Direction::Output, false) => f.write_str(", output, safe state off")?,
            (Direction::Output, true) => f.write_str(", output, safe state on")?,
        }
        if self.active_low {
            f.write_str(", active low")?;
        }
        match self.bias {
            Some(Bias::PullUp) => f.write_str(", pull up"),
            Some(Bias::PullDown) => f.write_str(", pull down"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.chip, self.id)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Binding {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Binding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_and_written() {
        let relay: Binding = "gpiochip0 line 4, output, safe state off".parse().unwrap();
        assert_eq!(relay.line, Line { chip: "gpiochip0".into(), id: LineId::Offset(4) });
        assert_eq!((relay.direction, relay.safe, relay.active_low), (Direction::Output, false, false));
        for text in [
            "gpiochip0 line 4, output, safe state off",
            "gpiochip1 line relay0, output, safe state on, active low",
            "gpiochip0 line 5, input, active low, pull up",
        ] {
            assert_eq!(text.parse::<Binding>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for text in [
            "",
            "gpiochip0 line 4",
            "gpiochip0, output",
            "gpiochip0 line 4, output, input",
            "gpiochip0 line 4, output, pull up",
            "gpiochip0 line 4, input, safe state on",
            "../chip line 4, input",
            "gpiochip0 line ../4, input",
            "gpiochip0 line 4, output, safe state maybe",
        ] {
            assert!(text.parse::<Binding>().is_err(), "{text}");
        }
    }
}
