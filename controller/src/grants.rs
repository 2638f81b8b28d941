//! The grants of an invitation, given what the device has.

use jiff::tz::TimeZone;
use streembit_peer::rights::{Grant, Grants, Pattern, WeeklyHours};
use streembit_peer::words::{self, Allow, Kind};

use crate::directory::{DeviceListing, ThingListing};
use crate::error::{Failure, Outcome};
use crate::home::capitalised;

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
            ..grant(allow, device)?
        });
    }
    Grants::try_from(all).map_err(|e| Failure::invalid(format!("{}.", capitalised(&e.to_string()))))
}

fn grant(allow: &Allow, device: &DeviceListing) -> Outcome<Grant> {
    allow.grant(|thing, affordance| kinds(device, thing, affordance)).map_err(|nothing| {
        let all = device.things.iter().flat_map(|thing| {
            let names = Kind::ALL.into_iter().flat_map(|kind| thing.affordances(kind));
            names.map(|(name, _)| format!("{}/{name}", thing.name)).collect::<Vec<_>>()
        });
        // More than a screenful helps nobody.
        Failure::invalid(format!("On {} {nothing}. There is:", device.name)).among(all.take(30).collect())
    })
}

fn kinds(device: &DeviceListing, thing: &Pattern, affordance: &Pattern) -> Vec<Kind> {
    let things: Vec<&ThingListing> = device.things.iter().filter(|t| thing.matches(&t.name)).collect();
    let has = |kind: &Kind| {
        things.iter().flat_map(|thing| thing.affordances(*kind)).any(|(name, _)| affordance.matches(name))
    };
    Kind::ALL.into_iter().filter(has).collect()
}

/// A moment in this machine's zone. For clap.
pub fn moment(text: &str) -> Result<i64, String> {
    words::moment(text, &TimeZone::system())
}

/// Weekly hours, in this machine's zone where none is said. For clap.
pub fn weekly(text: &str) -> Result<WeeklyHours, String> {
    words::weekly(text, TimeZone::system().iana_name())
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

    #[test]
    fn every_grant_gets_the_times() {
        let when = When { not_after: Some(99), ..When::default() };
        let allowed = ["door/open".parse().unwrap(), "door/state".parse().unwrap()];
        let grants = grants(&allowed, &when, &device()).unwrap();
        assert_eq!(grants.iter().map(|grant| grant.not_after).collect::<Vec<_>>(), [Some(99), Some(99)]);
        assert_eq!(grants[0].operations.len(), 3, "to invoke, to ask about it, to stop it");
    }

    #[test]
    fn what_the_device_does_not_have_is_a_mistake() {
        for text in ["door/opne", "gate/open", "gate/*"] {
            let failure = grants(&[text.parse().unwrap()], &When::default(), &device()).unwrap_err();
            assert_eq!(failure.message, format!("On garage there is no {text}. There is:"));
            assert_eq!(failure.candidates, ["door/state", "door/speed", "door/open", "door/obstructed"]);
        }
    }
}
