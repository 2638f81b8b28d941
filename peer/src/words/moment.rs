//! Moments and weekly hours as people type them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::rights::{Day, WeeklyHours};

/// Parses a moment: `2026-12-24`, `2026-12-24 18:00` (in `zone`), or with a zone or offset as RFC 3339 and
/// 9557 write it. In seconds since 1970.
pub fn moment(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no moment: write it like 2026-12-24, or \"2026-12-24 18:00\"");
    let timestamp = if let Ok(timestamp) = text.parse::<Timestamp>() {
        timestamp
    } else if let Ok(zoned) = text.parse::<jiff::Zoned>() {
        zoned.timestamp()
    } else {
        // A date alone is its midnight, which is what a date and time without the time parse to.
        let civil: civil::DateTime = text.parse().map_err(|_| wrong())?;
        civil.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp()
    };
    let seconds = timestamp.as_second();
    // Before 1970 there was nobody to be let in.
    if seconds > 0 { Ok(seconds) } else { Err(wrong()) }
}

/// Parses `Mon-Fri 08:00-18:00 Europe/Budapest`: days (ranges and lists), hours, and a zone (an IANA
/// name), which may be left out where `here` is known.
pub fn weekly(text: &str, here: Option<&str>) -> Result<WeeklyHours, String> {
    let wrong =
        || format!("`{text}` are no weekly hours: write them like \"Mon-Fri 08:00-18:00 Europe/Budapest\"");
    let mut words = text.split_whitespace();
    let days = days(words.next().ok_or_else(wrong)?).ok_or_else(wrong)?;
    let (from, to) = words.next().and_then(|hours| hours.split_once('-')).ok_or_else(wrong)?;
    let zone = match words.next().or(here) {
        // The system's database knows which zones there are; the device checks again.
        Some(name) if TimeZone::get(name).is_ok() => name,
        Some(name) => return Err(format!("`{name}` is no time zone: write it like Europe/Budapest")),
        None => return Err(format!("this machine does not know its time zone: write one after `{text}`")),
    };
    if words.next().is_some() {
        return Err(wrong());
    }
    let hour = |text: &str| text.parse().map_err(|_| wrong());
    Ok(WeeklyHours { zone: zone.parse().map_err(|_| wrong())?, days, from: hour(from)?, to: hour(to)? })
}

/// `Mon-Fri`, `Sat,Sun`, `Fri-Mon`, `Mon,Wed-Thu`.
fn days(text: &str) -> Option<Vec<Day>> {
    let lower = text.to_ascii_lowercase();
    let mut all = Vec::new();
    for part in lower.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (Day, Day) = (first.parse().ok()?, last.parse().ok()?);
        let position = |day: Day| Day::ALL.iter().position(|d| *d == day);
        let (mut at, end) = (position(first)?, position(last)?);
        loop {
            let day = *Day::ALL.get(at)?;
            if !all.contains(&day) {
                all.push(day);
            }
            if at == end {
                break;
            }
            // Friday to Monday goes over the end of the week.
            at = (at + 1) % Day::ALL.len();
        }
    }
    all.sort_unstable();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_local_unless_they_say_otherwise() {
        let zone = TimeZone::get("Europe/Budapest").unwrap();
        let at = |text: &str| moment(text, &zone);
        assert_eq!(at("2026-12-24T18:00:00Z"), Ok(1_798_135_200));
        assert_eq!(at("2026-12-24 19:00"), Ok(1_798_135_200));
        assert_eq!(at("2026-12-24"), Ok(1_798_135_200 - 19 * 3600));
        assert_eq!(at("2026-12-24T19:00[Europe/Budapest]"), Ok(1_798_135_200));
        assert!(at("tomorrow").is_err());
        assert!(at("1960-01-01").is_err());
    }

    #[test]
    fn weekly_hours_read_as_people_write_them() {
        let hours = weekly("Mon-Fri 08:00-18:00 Europe/Budapest", None).unwrap();
        assert_eq!(hours.days, [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]);
        assert_eq!((hours.from.to_string(), hours.to.to_string()), ("08:00".into(), "18:00".into()));
        assert_eq!(hours.zone.as_str(), "Europe/Budapest");
        assert_eq!(weekly("Sat,Sun 10:00-12:00", Some("UTC")).unwrap().days, [Day::Sat, Day::Sun]);
        assert_eq!(weekly("fri-mon 22:00-02:00", Some("UTC")).unwrap().days.len(), 4);
        for text in [
            "",
            "Mon",
            "Mon 8-18 UTC",
            "Mon 08:00-25:00 UTC",
            "Mon 08:00-18:00 Mars/Base",
            "Mon 08:00-18:00 UTC x",
        ] {
            assert!(weekly(text, None).is_err(), "{text}");
        }
        assert!(weekly("Mon 08:00-18:00", None).unwrap_err().contains("time zone"));
    }
}
