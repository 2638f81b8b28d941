//! Hours of the week in a named zone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// On some days of the week, from one time of day to another, by the clocks of one place.
///
/// Where `to` is not after `from`, the hours end on the next day: Friday 22:00 to 06:00 includes Saturday 05:59.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// Whose clocks.
    pub zone: ZoneName,
    /// On which days the hours begin.
    pub days: Vec<Day>,
    /// The first minute.
    pub from: Minute,
    /// The first minute that is no longer in it.
    pub to: Minute,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// The week, from Monday.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// Why hours are not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// Not a day.
    #[error("a day is one of mon, tue, wed, thu, fri, sat, sun")]
    Day,
    /// Not a time of day.
    #[error("a time of day is HH:MM, from 00:00 to 24:00")]
    Minute,
    /// Not the name of a zone.
    #[error("a time zone is an IANA name, such as Europe/Berlin or UTC")]
    Zone,
}

impl FromStr for Day {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        Ok(match text {
            "mon" => Self::Mon,
            "tue" => Self::Tue,
            "wed" => Self::Wed,
            "thu" => Self::Thu,
            "fri" => Self::Fri,
            "sat" => Self::Sat,
            "sun" => Self::Sun,
            _ => return Err(BadHours::Day),
        })
    }
}

/// A minute of the day, `00:00` to `24:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u16);

impl Minute {
    /// Minutes since midnight, at most 1440.
    pub const fn since_midnight(self) -> u16 {
        self.0
    }
}

impl FromStr for Minute {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let (hours, minutes) = text.split_once(':').ok_or(BadHours::Minute)?;
        let two_digits = |part: &str| {
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(BadHours::Minute);
            }
            part.parse::<u16>().map_err(|_| BadHours::Minute)
        };
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        if minutes >= 60 || hours * 60 + minutes > 24 * 60 {
            return Err(BadHours::Minute);
        }
        Ok(Self(hours * 60 + minutes))
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of an IANA time zone. Whether this device's database has it is for the device to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ZoneName(Box<str>);

impl ZoneName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ZoneName {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        // The longest in the database has 32 characters. A name is looked up as a file below the zone folder: no dots.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'+' | b'-');
        let shaped = (1..=64).contains(&text.len()) && !text.starts_with('/') && text.bytes().all(allowed);
        if shaped { Ok(Self(text.into())) } else { Err(BadHours::Zone) }
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

crate::encoded::as_text!(Minute, ZoneName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_exact() {
        for (text, minutes) in [("00:00", 0), ("07:30", 450), ("23:59", 1439), ("24:00", 1440)] {
            assert_eq!(text.parse::<Minute>().map(Minute::since_midnight), Ok(minutes));
            assert_eq!(Minute(minutes).to_string(), text);
        }
        for text in ["", "7:30", "24:01", "12:60", "+1:00", "12.30", "12:3", "99:99"] {
            assert_eq!(text.parse::<Minute>(), Err(BadHours::Minute), "{text:?}");
        }
    }

    #[test]
    fn zones_have_the_shape_of_names_and_not_of_paths() {
        for text in ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+1"] {
            assert!(text.parse::<ZoneName>().is_ok(), "{text}");
        }
        for text in ["", "/etc/passwd", "../UTC", "Europe/Ber lin", "a.b", "ü"] {
            assert_eq!(text.parse::<ZoneName>(), Err(BadHours::Zone), "{text:?}");
        }
    }

    #[test]
    fn days_are_their_short_names() {
        for day in Day::ALL {
            let text = serde_json::to_value(day).unwrap();
            assert_eq!(text.as_str().unwrap().parse(), Ok(day));
        }
    }
}
