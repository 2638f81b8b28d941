use std::fmt;
use std::str::FromStr;

/// An operation of a form (TD 1.1, section 5.3.4.2), by its W3C name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The names say it, and the Recommendation's table 20 says the rest.
pub enum Operation {
    ReadProperty,
    WriteProperty,
    ObserveProperty,
    UnobserveProperty,
    InvokeAction,
    QueryAction,
    CancelAction,
    SubscribeEvent,
    UnsubscribeEvent,
    ReadAllProperties,
    WriteAllProperties,
    ReadMultipleProperties,
    WriteMultipleProperties,
    ObserveAllProperties,
    UnobserveAllProperties,
    QueryAllActions,
    SubscribeAllEvents,
    UnsubscribeAllEvents,
}

use Operation as O;

impl Operation {
    /// All of them.
    pub const ALL: [Self; 18] = [
        O::ReadProperty,
        O::WriteProperty,
        O::ObserveProperty,
        O::UnobserveProperty,
        O::InvokeAction,
        O::QueryAction,
        O::CancelAction,
        O::SubscribeEvent,
        O::UnsubscribeEvent,
        O::ReadAllProperties,
        O::WriteAllProperties,
        O::ReadMultipleProperties,
        O::WriteMultipleProperties,
        O::ObserveAllProperties,
        O::UnobserveAllProperties,
        O::QueryAllActions,
        O::SubscribeAllEvents,
        O::UnsubscribeAllEvents,
    ];
    /// Those that a property's form may have.
    pub const OF_PROPERTY: [Self; 4] =
        [O::ReadProperty, O::WriteProperty, O::ObserveProperty, O::UnobserveProperty];
    /// Those that an action's form may have.
    pub const OF_ACTION: [Self; 3] = [O::InvokeAction, O::QueryAction, O::CancelAction];
    /// Those that an event's form may have.
    pub const OF_EVENT: [Self; 2] = [O::SubscribeEvent, O::UnsubscribeEvent];

    /// Its W3C name.
    pub fn name(self) -> &'static str {
        match self {
            O::ReadProperty => "readproperty",
            O::WriteProperty => "writeproperty",
            O::ObserveProperty => "observeproperty",
            O::UnobserveProperty => "unobserveproperty",
            O::InvokeAction => "invokeaction",
            O::QueryAction => "queryaction",
            O::CancelAction => "cancelaction",
            O::SubscribeEvent => "subscribeevent",
            O::UnsubscribeEvent => "unsubscribeevent",
            O::ReadAllProperties => "readallproperties",
            O::WriteAllProperties => "writeallproperties",
            O::ReadMultipleProperties => "readmultipleproperties",
            O::WriteMultipleProperties => "writemultipleproperties",
            O::ObserveAllProperties => "observeallproperties",
            O::UnobserveAllProperties => "unobserveallproperties",
            O::QueryAllActions => "queryallactions",
            O::SubscribeAllEvents => "subscribeallevents",
            O::UnsubscribeAllEvents => "unsubscribeallevents",
        }
    }

    /// Whether it is one of the whole Thing rather than of one affordance.
    pub fn is_of_thing(self) -> bool {
        self >= O::ReadAllProperties
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a W3C operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C operation")]
pub struct UnknownOperation;

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        Self::ALL.into_iter().find(|operation| operation.name() == name).ok_or(UnknownOperation)
    }
}
