//! `DEVICE/THING/AFFORDANCE`, and every shorter form of it that is not ambiguous.
//!
//! Parsing says what was typed; [`Typed::find`] says what it means, given everything that this person may use. Neither
//! does I/O: where the directory comes from (a cache, or the devices themselves) is the caller's business.

use std::fmt;
use std::str::FromStr;

pub use streembit_peer::words::Kind;

use crate::directory::{Directory, Entry};
use crate::error::{Exit, Failure, Outcome};

/// Longest name of a device, Thing or affordance, as in messages.
const MAX_NAME: usize = 64;

/// The Thing that every device has: itself.
pub const DEVICE_THING: &str = "device";

/// An affordance, said in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The contact's name of the device.
    pub device: String,
    /// The Thing's name on it.
    pub thing: String,
    /// The affordance's name.
    pub affordance: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.device, self.thing, self.affordance)
    }
}

/// An address as it was typed: one to three names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed(Vec<String>);

impl Typed {
    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

impl FromStr for Typed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split('/').map(str::to_owned).collect();
        if names.len() > 3 {
            return Err(format!("`{text}` has more than three parts: write DEVICE/THING/AFFORDANCE"));
        }
        for name in &names {
            check_name(name)?;
        }
        Ok(Self(names))
    }
}

/// Checks a name: letters, digits, `.`, `_` and `-`.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Err("a name is missing: write DEVICE/THING/AFFORDANCE".into())
    } else if name.len() > MAX_NAME || !name.chars().all(fits) {
        Err(format!("`{}` is no name: at most {MAX_NAME} letters, digits, `.`, `_` and `-`", shown(name)))
    } else {
        Ok(())
    }
}

/// Checks the name that a contact is to have here. `device` would make `device/status` ambiguous for ever.
pub fn check_contact_name(name: &str) -> Result<(), String> {
    check_name(name)?;
    if name == DEVICE_THING {
        return Err("`device` names the device's own Thing: choose another name".into());
    }
    Ok(())
}

fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME).filter(|c| !c.is_control()).collect()
}

/// What a typed address turned out to mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It is in the directory.
    Known(Address, Entry),
    /// It is said in full, or nearly, and the directory does not have it: only the device can tell.
    Unlisted(Address),
}

impl Found {
    /// The address in full.
    pub fn address(&self) -> &Address {
        match self {
            Found::Known(address, _) | Found::Unlisted(address) => address,
        }
    }

    /// What the directory knows about it.
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Found::Known(_, entry) => Some(entry),
            Found::Unlisted(_) => None,
        }
    }
}

impl Typed {
    /// Finds the one affordance of this kind that is meant.
    ///
    /// Two names may be THING/AFFORDANCE or DEVICE/AFFORDANCE, so all readings are tried, and one of them must be left.
    pub fn find(&self, kind: Kind, directory: &Directory) -> Outcome<Found> {
        let mut found: Vec<(Address, Entry)> =
            directory.affordances(kind).filter(|(address, _)| self.may_mean(address)).collect();
        match (found.len(), found.pop()) {
            (1, Some((address, entry))) => Ok(Found::Known(address, entry)),
            (0, _) | (_, None) => self.unlisted(kind, directory),
            (_, Some(last)) => {
                let candidates =
                    found.iter().map(|(a, _)| a).chain([&last.0]).map(ToString::to_string).collect();
                Err(Failure::usage(format!("`{self}` may mean any of these:"))
                    .among(candidates)
                    .or("Write one of them in full."))
            }
        }
    }

    /// Finds the one Thing that is meant: its device and its name.
    pub fn find_thing(&self, directory: &Directory) -> Outcome<(String, String)> {
        let devices = directory.device_names();
        if let [device, thing] = self.0.as_slice() {
            // Said in full: whether there is such a Thing is for the device to say.
            return match devices.contains(device) {
                true => Ok((device.clone(), thing.clone())),
                false => Err(unknown_device(device, devices)),
            };
        }
        let [name] = self.0.as_slice() else {
            return Err(Failure::usage(format!("`{self}` is no Thing: write DEVICE/THING.")));
        };
        let all =
            || directory.devices().iter().flat_map(|d| d.things.iter().map(move |t| (&d.name, &t.name)));
        let mut found: Vec<(&String, &String)> = all().filter(|(_, thing)| *thing == name).collect();
        if found.is_empty() {
            found = all().filter(|(device, thing)| *device == name && *thing != DEVICE_THING).collect();
        }
        let shown = |things: &[(&String, &String)]| things.iter().map(|(d, t)| format!("{d}/{t}")).collect();
        match found.as_slice() {
            [(device, thing)] => Ok(((*device).clone(), (*thing).clone())),
            [] if devices.is_empty() => Err(no_device()),
            [] => Err(Failure::new(
                Exit::Refused,
                format!("Nothing that you may use is called `{name}`. There is:"),
            )
            .among(shown(&all().collect::<Vec<_>>()))),
            several => Err(Failure::usage(format!("`{name}` may mean any of these:"))
                .among(shown(several))
                .or("Write one of them in full.")),
        }
    }

    fn may_mean(&self, address: &Address) -> bool {
        match self.0.as_slice() {
            [affordance] => *affordance == address.affordance,
            [first, affordance] => {
                *affordance == address.affordance && (*first == address.thing || *first == address.device)
            }
            [device, thing, affordance] => {
                *device == address.device && *thing == address.thing && *affordance == address.affordance
            }
            _ => false,
        }
    }

    /// Nothing in the directory fits. If the device and the Thing are beyond doubt, the device shall say.
    fn unlisted(&self, kind: Kind, directory: &Directory) -> Outcome<Found> {
        let devices = directory.device_names();
        let address = match self.0.as_slice() {
            [device, thing, affordance] if devices.contains(device) => Some((device, thing, affordance)),
            [device, _, _] => return Err(unknown_device(device, devices)),
            [thing, affordance] if devices.len() == 1 => {
                devices.first().map(|only| (only, thing, affordance))
            }
            _ => None,
        };
        if let Some((device, thing, affordance)) = address {
            return Ok(Found::Unlisted(Address {
                device: device.clone(),
                thing: thing.clone(),
                affordance: affordance.clone(),
            }));
        }
        if devices.is_empty() {
            return Err(no_device());
        }
        let all: Vec<String> = directory.affordances(kind).map(|(address, _)| address.to_string()).collect();
        let failure =
            Failure::new(Exit::Refused, format!("Nothing that you may use has the {kind} `{self}`."));
        Err(match all.len() {
            0 => failure.or("Ask an owner for a grant, or look with `streembit ls`."),
            // More than a screenful helps nobody.
            1..=20 => {
                failure.among(nearest(&self.to_string(), all)).or("These are the ones that you may use.")
            }
            _ => failure.or("`streembit ls` lists what you may use."),
        })
    }
}

/// There is no contact of that name.
pub fn unknown_device(name: &str, devices: &[String]) -> Failure {
    if devices.is_empty() {
        return no_device();
    }
    Failure::usage(format!("No contact has the name `{name}`. Yours are:"))
        .among(devices.to_vec())
        .or("`streembit contacts` shows more; `streembit pair LINK` adds one.")
}

/// There is no contact at all.
pub fn no_device() -> Failure {
    Failure::usage("You have no device yet.")
        .or("Pair with one: run `streembit-agent pair` on it, then `streembit pair LINK` here.")
}

/// The same candidates, those with the most of what was typed first.
fn nearest(typed: &str, mut all: Vec<String>) -> Vec<String> {
    let last = typed.rsplit('/').next().unwrap_or(typed).to_lowercase();
    all.sort_by_key(|candidate| {
        let candidate = candidate.to_lowercase();
        (!candidate.contains(&last), candidate)
    });
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::{DeviceListing, ThingListing};

    fn thing(name: &str, properties: &[&str], actions: &[&str]) -> ThingListing {
        let object = |names: &[&str]| -> serde_json::Value {
            names
                .iter()
                .map(|n| ((*n).to_owned(), json!({"type": "string"})))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        ThingListing::new(name, json!({"properties": object(properties), "actions": object(actions)}))
    }

    fn one_device() -> Directory {
        Directory::new(vec![DeviceListing {
            name: "garage".into(),
            things: vec![
                thing("door", &["state", "status"], &["open", "close"]),
                thing("gate", &["state"], &["open"]),
                thing("device", &["status"], &["pair"]),
            ],
        }])
    }

    fn two_devices() -> Directory {
        let mut listings = one_device().into_devices();
        listings.push(DeviceListing {
            name: "shed".into(),
            things: vec![thing("door", &["state", "lamp"], &["open"])],
        });
        Directory::new(listings)
    }

    fn find(text: &str, kind: Kind, directory: &Directory) -> Outcome<String> {
        text.parse::<Typed>().unwrap().find(kind, directory).map(|found| found.address().to_string())
    }

    #[test]
    fn an_affordance_alone_is_enough_where_it_is_unique() {
        assert_eq!(find("close", Kind::Action, &one_device()), Ok("garage/door/close".into()));
        assert_eq!(find("lamp", Kind::Property, &two_devices()), Ok("shed/door/lamp".into()));
    }

    #[test]
    fn two_names_are_thing_or_device() {
        assert_eq!(find("gate/open", Kind::Action, &two_devices()), Ok("garage/gate/open".into()));
        assert_eq!(find("shed/open", Kind::Action, &two_devices()), Ok("shed/door/open".into()));
        assert_eq!(find("device/status", Kind::Property, &one_device()), Ok("garage/device/status".into()));
    }

    #[test]
    fn an_ambiguous_address_lists_what_it_may_mean() {
        let failure = find("open", Kind::Action, &two_devices()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.candidates, ["garage/door/open", "garage/gate/open", "shed/door/open"]);
        assert!(find("door/state", Kind::Property, &two_devices()).is_err(), "two doors");
        assert_eq!(find("garage/open", Kind::Action, &one_device()).unwrap_err().candidates.len(), 2);
    }

    #[test]
    fn the_kind_takes_part_in_the_choice() {
        // `status` is a property of two Things, and an action of none.
        assert_eq!(find("status", Kind::Property, &one_device()).unwrap_err().exit, Exit::Usage);
        assert_eq!(find("status", Kind::Action, &one_device()).unwrap_err().exit, Exit::Refused);
    }

    #[test]
    fn what_is_said_in_full_goes_to_the_device_though_no_list_has_it() {
        let typed: Typed = "garage/boiler/heat".parse().unwrap();
        let found = typed.find(Kind::Action, &one_device()).unwrap();
        assert!(matches!(found, Found::Unlisted(_)));
        assert_eq!(find("boiler/heat", Kind::Action, &one_device()), Ok("garage/boiler/heat".into()));
        assert_eq!(find("boiler/heat", Kind::Action, &two_devices()).unwrap_err().exit, Exit::Refused);
    }

    #[test]
    fn an_unknown_device_is_named_beside_the_known_ones() {
        let failure = find("barn/door/open", Kind::Action, &two_devices()).unwrap_err();
        assert_eq!((failure.exit, failure.candidates), (Exit::Usage, vec!["garage".into(), "shed".into()]));
        let failure = find("open", Kind::Action, &Directory::default()).unwrap_err();
        assert!(failure.to_string().contains("streembit pair LINK"), "{failure}");
    }

    #[test]
    fn the_nearest_candidates_come_first() {
        let failure = find("clos", Kind::Action, &one_device()).unwrap_err();
        assert_eq!(failure.candidates[0], "garage/door/close");
    }

    #[test]
    fn a_thing_is_found_by_as_much_as_is_needed() {
        let find = |text: &str, directory: &Directory| text.parse::<Typed>().unwrap().find_thing(directory);
        let pair = |device: &str, thing: &str| Ok((device.to_owned(), thing.to_owned()));
        assert_eq!(find("gate", &two_devices()), pair("garage", "gate"));
        assert_eq!(find("shed", &two_devices()), pair("shed", "door"), "its only Thing");
        assert_eq!(find("garage/boiler", &two_devices()), pair("garage", "boiler"), "the device shall say");
        assert_eq!(find("door", &two_devices()).unwrap_err().candidates, ["garage/door", "shed/door"]);
        assert_eq!(find("lamp", &two_devices()).unwrap_err().exit, Exit::Refused);
        assert_eq!(find("barn/door", &two_devices()).unwrap_err().exit, Exit::Usage);
        assert_eq!(find("a/b/c", &two_devices()).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn hostile_names_are_no_addresses() {
        for text in ["", "/", "a//b", "a/b/c/d", "a b", "../x/..\\", "\u{1b}[31m", &"x".repeat(65)] {
            assert!(text.parse::<Typed>().is_err(), "{text:?}");
        }
        assert!(check_contact_name("device").is_err());
        assert!(check_contact_name("garage-1").is_ok());
    }
}
