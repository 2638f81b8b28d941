//! What a grant covers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::WeeklyHours;
use crate::message::{Name, NotAName, Operation};

/// One thing that a contact may do. Everything that no grant covers is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// On which Things.
    pub thing: Pattern,
    /// On which of their affordances.
    pub affordances: Vec<Pattern>,
    /// By which operations.
    pub operations: Vec<Operation>,
    /// Not before this second since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// Not at or after this second since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    /// Only in these hours; at any hour where the list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekly: Vec<WeeklyHours>,
}

impl Grant {
    /// The longest lists in a grant: as many affordances as one would name singly before writing `*`.
    pub const MAX_LIST: usize = 32;

    /// Whether it says anything about time, and so needs a clock that the device trusts.
    pub fn is_timed(&self) -> bool {
        self.not_before.is_some() || self.not_after.is_some() || !self.weekly.is_empty()
    }

    /// Whether it names this. Whether it counts at this hour is for whoever has a clock.
    pub fn covers(&self, op: Operation, thing: &str, affordance: Option<&str>) -> bool {
        let affordance = match affordance {
            Some(name) => self.affordances.iter().any(|pattern| pattern.matches(name)),
            // The operation on all properties; which of them it answers is decided one by one.
            None => !op.names_an_affordance(),
        };
        affordance && self.operations.contains(&op) && self.thing.matches(thing)
    }
}

/// The grants of one contact: at most [`Grants::MAX`], each within its own limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct Grants(Vec<Grant>);

/// Why grants are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// More than a contact may have.
    #[error("a contact has at most {} grants", Grants::MAX)]
    TooMany,
    /// A list in one of them is longer than allowed.
    #[error("a grant lists at most {} affordances, operations or weekly hours", Grant::MAX_LIST)]
    TooLong,
    /// It would never apply.
    #[error("the grant ends before it begins")]
    NeverValid,
}

impl Grants {
    /// The most grants of one contact. A signed change with all of them full stays within one message.
    pub const MAX: usize = 32;

    /// The list.
    pub fn as_slice(&self) -> &[Grant] {
        &self.0
    }
}

impl std::ops::Deref for Grants {
    type Target = [Grant];

    fn deref(&self) -> &[Grant] {
        &self.0
    }
}

impl TryFrom<Vec<Grant>> for Grants {
    type Error = GrantError;

    fn try_from(grants: Vec<Grant>) -> Result<Self, GrantError> {
        if grants.len() > Self::MAX {
            return Err(GrantError::TooMany);
        }
        for grant in &grants {
            let longest = grant.affordances.len().max(grant.operations.len()).max(grant.weekly.len());
            if longest > Grant::MAX_LIST {
                return Err(GrantError::TooLong);
            }
            if let (Some(begin), Some(end)) = (grant.not_before, grant.not_after)
                && end <= begin
            {
                return Err(GrantError::NeverValid);
            }
        }
        Ok(Self(grants))
    }
}

impl From<Grants> for Vec<Grant> {
    fn from(grants: Grants) -> Self {
        grants.0
    }
}

/// One name, or `*` for every one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Every name, also of what is added later.
    Any,
    /// This one.
    Exactly(Name),
}

impl Pattern {
    /// Whether it means this name.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(exact) => exact.as_str() == name,
        }
    }
}

impl FromStr for Pattern {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if text == "*" { Ok(Self::Any) } else { text.parse().map(Self::Exactly) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.pad("*"),
            Self::Exactly(name) => f.pad(name),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
