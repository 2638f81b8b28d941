//! The operations of the Web of Things that a request can name.

use std::fmt;
use std::str::FromStr;

/// What a request asks for, by its W3C name (WoT Thing Description 1.1, section 5.3.4.2, `op`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Read one property.
    ReadProperty,
    /// Change one property.
    WriteProperty,
    /// Read every property that the caller may read.
    ReadAllProperties,
    /// Be told of every change of a property.
    ObserveProperty,
    /// No longer be told.
    UnobserveProperty,
    /// Start an action.
    InvokeAction,
    /// Ask how an action that was started is doing.
    QueryAction,
    /// Ask an action that was started to stop.
    CancelAction,
    /// Be told of an event.
    SubscribeEvent,
    /// No longer be told.
    UnsubscribeEvent,
}

impl Operation {
    /// Every operation, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::ReadProperty,
        Self::WriteProperty,
        Self::ReadAllProperties,
        Self::ObserveProperty,
        Self::UnobserveProperty,
        Self::InvokeAction,
        Self::QueryAction,
        Self::CancelAction,
        Self::SubscribeEvent,
        Self::UnsubscribeEvent,
    ];

    /// The W3C name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadProperty => "readproperty",
            Self::WriteProperty => "writeproperty",
            Self::ReadAllProperties => "readallproperties",
            Self::ObserveProperty => "observeproperty",
            Self::UnobserveProperty => "unobserveproperty",
            Self::InvokeAction => "invokeaction",
            Self::QueryAction => "queryaction",
            Self::CancelAction => "cancelaction",
            Self::SubscribeEvent => "subscribeevent",
            Self::UnsubscribeEvent => "unsubscribeevent",
        }
    }

    /// Whether it may move something: such a request is on disk before anything happens, and its answer is kept.
    pub const fn changes_the_world(self) -> bool {
        matches!(self, Self::WriteProperty | Self::InvokeAction | Self::CancelAction)
    }

    /// Whether it is about one affordance. (Reading all properties is about the Thing.)
    pub const fn names_an_affordance(self) -> bool {
        !matches!(self, Self::ReadAllProperties)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No operation has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no Web of Things operation has this name")]
pub struct UnknownOperation;

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL.into_iter().find(|op| op.as_str() == text).ok_or(UnknownOperation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_the_w3c_name() {
        for op in Operation::ALL {
            assert_eq!(op.to_string().parse(), Ok(op));
            assert_eq!(serde_json::to_string(&op).unwrap(), format!("\"{op}\""));
            assert_eq!(serde_json::from_str::<Operation>(&format!("\"{op}\"")).unwrap(), op);
        }
        assert_eq!("ReadProperty".parse::<Operation>(), Err(UnknownOperation));
    }

    #[test]
    fn what_moves_things_is_known() {
        let moving: Vec<_> = Operation::ALL.into_iter().filter(|op| op.changes_the_world()).collect();
        assert_eq!(moving, [Operation::WriteProperty, Operation::InvokeAction, Operation::CancelAction]);
    }
}
