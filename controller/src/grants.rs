//! What `streembit invite` may say about rights, and the grants that it means.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use streembit_peer::message::Operation;
use streembit_peer::rights::{Day, Grant, Grants, Pattern, WeeklyHours};

use crate::address::Kind;
use crate::directory::{DeviceListing, ThingListing};
use crate::error::{Failure, Outcome};

/// `THING/AFFORDANCE[:OPERATION,…]`, as `--allow` takes it. A `*` stands for every Thing or affordance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    thing: Pattern,
    affordance: Pattern,
    /// As they were named; none means what is usual for the affordance.
    operations: Vec<Operation>,
}

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, operations) = match text.split_once(':') {
            Some((place, operations)) => (place, Some(operations)),
            None => (text, None),
        };
        let wrong = || format!("`{text}` is no right: write THING/AFFORDANCE or THING/AFFORDANCE:read,write");
        let (thing, affordance) = place.split_once('/').ok_or_else(wrong)?;
        let mut named = Vec::new();
        for word in operations.iter().flat_map(|list| list.split(',')) {
            let these = operations_named(word).ok_or_else(|| {
                format!("`{word}` is no operation: write read, write, observe, invoke or subscribe")
            })?;
            named.extend(these.iter().filter(|op| !named.contains(*op)).copied().collect::<Vec<_>>());
        }
        Ok(Self {
            thing: thing.parse().map_err(|_| wrong())?,
            affordance: affordance.parse().map_err(|_| wrong())?,
            operations: named,
        })
    }
}

/// The operations that a word on the command line means: what begins something comes with what ends it.
fn operations_named(word: &str) -> Option<&'static [Operation]> {
    Some(match word {
        "read" => &[Operation::ReadProperty, Operation::ReadAllProperties],
        "write" => &[Operation::WriteProperty],
        "observe" => &[Operation::ObserveProperty, Operation::UnobserveProperty],
        "invoke" => &[Operation::InvokeAction, Operation::QueryAction, Operation::CancelAction],
        "subscribe" => &[Operation::SubscribeEvent, Operation::UnsubscribeEvent],
        _ => return None,
    })
}

/// What somebody usually needs of an affordance. Writing is never meant unless it is said.
fn usual(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Property => &["read", "observe"],
        Kind::Action => &["invoke"],
        Kind::Event => &["subscribe"],
    }
}

const KINDS: [Kind; 3] = [Kind::Property, Kind::Action, Kind::Event];

impl Allow {
    /// The grant that it means on this device, which must have what it names: a typing mistake is found here and not by
    /// the guest.
    fn grant(&self, device: &DeviceListing) -> Outcome<Grant> {
        let things: Vec<&ThingListing> =
            device.things.iter().filter(|thing| self.thing.matches(&thing.name)).collect();
        let kinds: Vec<Kind> = KINDS
            .into_iter()
            .filter(|kind| {
                let mut named = things.iter().flat_map(|thing| thing.affordances(*kind));
                named.any(|(name, _)| self.affordance.matches(name))
            })
            .collect();
        if kinds.is_empty() {
            return Err(self.unknown(device));
        }
        let mut operations = self.operations.clone();
        if operations.is_empty() {
            let words = kinds.iter().flat_map(|kind| usual(*kind));
            operations = words.filter_map(|word| operations_named(word)).flatten().copied().collect();
        }
        Ok(Grant {
            thing: self.thing.clone(),
            affordances: vec![self.affordance.clone()],
            operations,
            not_before: None,
            not_after: None,
            weekly: Vec::new(),
        })
    }

    fn unknown(&self, device: &DeviceListing) -> Failure {
        let all = device.things.iter().flat_map(|thing| {
            KINDS.into_iter().flat_map(move |kind| {
                thing.affordances(kind).map(|(name, _)| format!("{}/{name}", thing.name)).collect::<Vec<_>>()
            })
        });
        Failure::invalid(format!("{} has no {}/{}. It has:", device.name, self.thing, self.affordance))
            .among(all.take(30).collect())
    }
}

/// When a guest may come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// From when on, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Until when, in seconds since 1970.
    pub not_after: Option<i64>,
    /// In which hours of the week.
    pub weekly: Vec<WeeklyHours>,
}

/// The grants of an invitation: all that was allowed, at those times.
pub fn grants(allowed: &[Allow], when: &When, device: &DeviceListing) -> Outcome<Grants> {
    let mut all = Vec::with_capacity(allowed.len());
    for allow in allowed {
        all.push(Grant {
            not_before: when.not_before,
            not_after: when.not_after,
            weekly: when.weekly.clone(),
            ..allow.grant(device)?
        });
    }
    Grants::try_from(all)
        .map_err(|e| Failure::invalid(format!("{}.", crate::home::capitalised(&e.to_string()))))
}

/// Parses a moment: `2026-12-24`, `2026-12-24 18:00` (in this machine's zone), or with a zone or offset as RFC 3339 and
/// 9557 write it. For clap.
pub fn moment(text: &str) -> Result<i64, String> {
    moment_in(text, &TimeZone::system())
}

fn moment_in(text: &str, zone: &TimeZone) -> Result<i64, String> {
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

/// Parses `Mon-Fri 08:00-18:00 Europe/Budapest`: days (ranges and lists), hours, and a zone, which may be left out where
/// this machine knows its own. For clap.
pub fn weekly(text: &str) -> Result<WeeklyHours, String> {
    let here = TimeZone::system();
    weekly_in(text, here.iana_name())
}

fn weekly_in(text: &str, here: Option<&str>) -> Result<WeeklyHours, String> {
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
    use serde_json::json;

    use super::*;

    fn device() -> DeviceListing {
        let td = json!({
            "properties": {"state": {"type": "string"}, "speed": {"type": "integer"}},
            "actions": {"open": {}}, "events": {"obstructed": {}}
        });
        DeviceListing { name: "garage".into(), things: vec![ThingListing::new("door", td)] }
    }

    fn operations(text: &str) -> Vec<&'static str> {
        let allow: Allow = text.parse().unwrap();
        allow.grant(&device()).unwrap().operations.iter().map(|op| op.as_str()).collect()
    }

    #[test]
    fn without_operations_the_usual_ones_are_meant_and_never_writing() {
        assert_eq!(
            operations("door/state"),
            ["readproperty", "readallproperties", "observeproperty", "unobserveproperty"]
        );
        assert_eq!(operations("door/open"), ["invokeaction", "queryaction", "cancelaction"]);
        assert_eq!(operations("door/obstructed"), ["subscribeevent", "unsubscribeevent"]);
        assert!(!operations("*/*").contains(&"writeproperty"));
        assert_eq!(operations("door/speed:write"), ["writeproperty"]);
    }

    #[test]
    fn what_the_device_does_not_have_is_a_mistake() {
        let failure = "door/opne".parse::<Allow>().unwrap().grant(&device()).unwrap_err();
        assert_eq!(failure.candidates, ["door/state", "door/speed", "door/open", "door/obstructed"]);
        for text in ["door", "door/open:fly", "door/o pen", "a/b/c", ""] {
            assert!(text.parse::<Allow>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_grant_gets_the_times() {
        let when = When { not_after: Some(99), ..When::default() };
        let allowed = ["door/open".parse().unwrap(), "door/state".parse().unwrap()];
        let grants = grants(&allowed, &when, &device()).unwrap();
        assert_eq!(grants.iter().map(|grant| grant.not_after).collect::<Vec<_>>(), [Some(99), Some(99)]);
    }

    #[test]
    fn moments_are_local_unless_they_say_otherwise() {
        let zone = TimeZone::get("Europe/Budapest").unwrap();
        let at = |text: &str| moment_in(text, &zone);
        assert_eq!(at("2026-12-24T18:00:00Z"), Ok(1_798_135_200));
        assert_eq!(at("2026-12-24 19:00"), Ok(1_798_135_200));
        assert_eq!(at("2026-12-24"), Ok(1_798_135_200 - 19 * 3600));
        assert_eq!(at("2026-12-24T19:00[Europe/Budapest]"), Ok(1_798_135_200));
        assert!(at("tomorrow").is_err());
        assert!(at("1960-01-01").is_err());
    }

    #[test]
    fn weekly_hours_read_as_people_write_them() {
        let hours = weekly_in("Mon-Fri 08:00-18:00 Europe/Budapest", None).unwrap();
        assert_eq!(hours.days, [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]);
        assert_eq!((hours.from.to_string(), hours.to.to_string()), ("08:00".into(), "18:00".into()));
        assert_eq!(hours.zone.as_str(), "Europe/Budapest");
        assert_eq!(weekly_in("Sat,Sun 10:00-12:00", Some("UTC")).unwrap().days, [Day::Sat, Day::Sun]);
        assert_eq!(weekly_in("fri-mon 22:00-02:00", Some("UTC")).unwrap().days.len(), 4);
        for text in [
            "",
            "Mon",
            "Mon 8-18 UTC",
            "Mon 08:00-25:00 UTC",
            "Mon 08:00-18:00 Mars/Base",
            "Mon 08:00-18:00 UTC x",
        ] {
            assert!(weekly_in(text, None).is_err(), "{text}");
        }
        assert!(weekly_in("Mon 08:00-18:00", None).unwrap_err().contains("time zone"));
    }
}
