//! Rights as people type them.

use std::fmt;
use std::str::FromStr;

use crate::message::Operation;
use crate::rights::{Grant, Pattern};

/// What an affordance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Read, written, observed.
    Property,
    /// Invoked.
    Action,
    /// Subscribed to.
    Event,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Property, Self::Action, Self::Event];

    /// The member of a Thing Description that lists them.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Property => "properties",
            Self::Action => "actions",
            Self::Event => "events",
        }
    }

    /// What somebody usually needs of one. Writing is never meant unless it is said.
    const fn usual(self) -> &'static [&'static str] {
        match self {
            Self::Property => &["read", "observe"],
            Self::Action => &["invoke"],
            Self::Event => &["subscribe"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Property => "property",
            Self::Action => "action",
            Self::Event => "event",
        })
    }
}

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

/// The device has nothing of what was named: a typing mistake, most likely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {thing}/{affordance}")]
pub struct NothingThere {
    thing: Pattern,
    affordance: Pattern,
}

impl Allow {
    /// The grant that it means. `kinds` says what the patterns of a Thing and an affordance find on the device, which must be
    /// something: a typing mistake shows here, and not at the guest.
    pub fn grant(&self, kinds: impl FnOnce(&Pattern, &Pattern) -> Vec<Kind>) -> Result<Grant, NothingThere> {
        let kinds = kinds(&self.thing, &self.affordance);
        if kinds.is_empty() {
            return Err(NothingThere { thing: self.thing.clone(), affordance: self.affordance.clone() });
        }
        let mut operations = self.operations.clone();
        if operations.is_empty() {
            let words = kinds.iter().flat_map(|kind| kind.usual());
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(text: &str, kinds: &[Kind]) -> Vec<&'static str> {
        let grant = text.parse::<Allow>().unwrap().grant(|_, _| kinds.to_vec()).unwrap();
        grant.operations.iter().map(|op| op.as_str()).collect()
    }

    #[test]
    fn without_operations_the_usual_ones_are_meant_and_never_writing() {
        assert_eq!(
            operations("door/state", &[Kind::Property]),
            ["readproperty", "readallproperties", "observeproperty", "unobserveproperty"]
        );
        let invoke = ["invokeaction", "queryaction", "cancelaction"];
        assert_eq!(operations("door/open", &[Kind::Action]), invoke);
        assert_eq!(operations("door/obstructed", &[Kind::Event]), ["subscribeevent", "unsubscribeevent"]);
        assert!(!operations("*/*", &Kind::ALL).contains(&"writeproperty"));
        assert_eq!(operations("door/speed:write", &[Kind::Property]), ["writeproperty"]);
        assert_eq!(operations("door/open:invoke,invoke", &[Kind::Action]), invoke, "once is enough");
    }

    #[test]
    fn what_is_not_there_is_no_grant() {
        let nothing = "door/opne".parse::<Allow>().unwrap().grant(|_, _| Vec::new()).unwrap_err();
        assert_eq!(nothing.to_string(), "there is no door/opne");
    }

    #[test]
    fn anything_else_is_refused_with_how_to_write_it() {
        for text in ["door", "door/open:fly", "door/o pen", "a/b/c", "", "door/open:", "/open", "door/"] {
            assert!(text.parse::<Allow>().unwrap_err().contains("write"), "{text:?}");
        }
    }
}
