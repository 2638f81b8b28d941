//! What this person may use, as their devices last described it.

use serde_json::Value;

use crate::address::{Address, Kind, check_name};

/// Every device of this person with its Things.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    devices: Vec<DeviceListing>,
    names: Vec<String>,
}

/// One device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceListing {
    /// The contact's name.
    pub name: String,
    /// Its Things, built up for this person: what they may not use is not in there.
    pub things: Vec<ThingListing>,
}

/// One Thing.
#[derive(Debug, Clone, PartialEq)]
pub struct ThingListing {
    /// The name that addresses use.
    pub name: String,
    /// Its Thing Description.
    pub td: Value,
}

/// What the Thing Description says about an affordance.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    kind: Kind,
    description: Value,
}

impl Entry {
    /// The DataSchema of what goes in: a property's value, an action's input.
    pub fn input(&self) -> Option<&Value> {
        match self.kind {
            Kind::Property => Some(&self.description),
            Kind::Action => self.description.get("input"),
            Kind::Event => self.description.get("subscription"),
        }
    }

    /// What the affordance is for, in its maker's words.
    pub fn description(&self) -> Option<&str> {
        self.description.get("description").or_else(|| self.description.get("title")).and_then(Value::as_str)
    }

    /// The unit that values of it are in.
    pub fn unit(&self) -> Option<&str> {
        self.description.get("unit").and_then(Value::as_str)
    }

    /// The operations that its forms offer to us, by their W3C names.
    pub fn operations(&self) -> Vec<&str> {
        let forms = self.description.get("forms").and_then(Value::as_array).map(Vec::as_slice);
        let ops = forms.unwrap_or_default().iter().filter_map(|form| form.get("op"));
        ops.flat_map(|op| match op {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        })
        .collect()
    }

    /// Whether a property is there to be written only.
    pub fn write_only(&self) -> bool {
        self.description.get("writeOnly").and_then(Value::as_bool).unwrap_or(false)
    }
}

impl ThingListing {
    /// A Thing of this name with this TD.
    pub fn new(name: impl Into<String>, td: Value) -> Self {
        Self { name: name.into(), td }
    }

    /// The Thing of a Thing Description as a device gives it: it names itself in the member `streembit:name`.
    pub fn from_td(td: Value) -> Option<Self> {
        let name = td.get("streembit:name")?.as_str()?.to_owned();
        // A name that could not be typed, or that plays tricks with the terminal, is no name.
        check_name(&name).ok()?;
        Some(Self::new(name, td))
    }

    /// Its title, where it has another than its name.
    pub fn title(&self) -> Option<&str> {
        self.td.get("title").and_then(Value::as_str).filter(|title| *title != self.name)
    }

    /// Its affordances of one kind, in the order of the TD.
    pub fn affordances(&self, kind: Kind) -> impl Iterator<Item = (&str, Entry)> {
        let members = self.td.get(kind.member()).and_then(Value::as_object);
        members
            .into_iter()
            .flatten()
            .map(move |(name, d)| (name.as_str(), Entry { kind, description: d.clone() }))
    }
}

impl Directory {
    /// The directory of these devices.
    pub fn new(devices: Vec<DeviceListing>) -> Self {
        let names = devices.iter().map(|device| device.name.clone()).collect();
        Self { devices, names }
    }

    /// The devices.
    pub fn devices(&self) -> &[DeviceListing] {
        &self.devices
    }

    /// The devices, to change them.
    pub fn into_devices(self) -> Vec<DeviceListing> {
        self.devices
    }

    /// The names of the devices.
    pub fn device_names(&self) -> &[String] {
        &self.names
    }

    /// Every affordance of one kind.
    pub fn affordances(&self, kind: Kind) -> impl Iterator<Item = (Address, Entry)> {
        self.devices.iter().flat_map(move |device| {
            device.things.iter().flat_map(move |thing| {
                thing.affordances(kind).map(move |(name, entry)| {
                    let address = Address {
                        device: device.name.clone(),
                        thing: thing.name.clone(),
                        affordance: name.to_owned(),
                    };
                    (address, entry)
                })
            })
        })
    }
}
