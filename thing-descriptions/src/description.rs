use std::sync::Arc;

use serde_json::Value;

use crate::affordance::{self, Reading};
use crate::json::{self, Limits};
use crate::security;
use crate::{Action, Affordances, Event, Form, Invalid, Operation, Property, w3c};

/// A Thing Description that came from elsewhere: a device that we control, or a stranger's Thing.
///
/// The bytes are kept as they came, extension members included; the rest is a view of them. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct ThingDescription(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Vec<u8>,
    root: Value,
    affordances: Affordances,
    forms: Vec<Form>,
}

impl ThingDescription {
    /// Reads a TD: within limits, valid by the W3C's schema, and by what that schema cannot see.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let root = json::parse(bytes, Limits::DOCUMENT)?;
        w3c::check(&root)?;
        let affordances = Affordances::read(&root, Reading::Description)?;
        let forms = affordance::thing_forms(&root)?;
        security::check(&root)?;
        Ok(Self(Arc::new(Inner { bytes: bytes.to_vec(), root, affordances, forms })))
    }

    /// The same from a value that was parsed already, such as one of a list of TDs.
    pub fn from_value(root: &Value) -> Result<Self, Invalid> {
        Self::parse(root.to_string().as_bytes())
    }

    /// The text that it was read from.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The whole document.
    pub fn root(&self) -> &Value {
        &self.0.root
    }

    /// The title for people.
    pub fn title(&self) -> &str {
        self.text("title").unwrap_or_default()
    }

    /// Its identifier; it may change, and names nobody.
    pub fn id(&self) -> Option<&str> {
        self.text("id")
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.root.get(key).and_then(Value::as_str)
    }

    /// The forms of the whole Thing.
    pub fn forms(&self) -> &[Form] {
        &self.0.forms
    }

    /// All affordances.
    pub fn affordances(&self) -> &Affordances {
        &self.0.affordances
    }

    /// One property.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.0.affordances.properties.get(name)
    }

    /// One action.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.0.affordances.actions.get(name)
    }

    /// One event.
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.0.affordances.events.get(name)
    }

    /// Whether any form offers this operation of this affordance.
    pub fn offers(&self, name: &str, operation: Operation) -> bool {
        let forms = match operation {
            _ if operation.is_of_thing() => Some(&self.0.forms),
            _ if Operation::OF_PROPERTY.contains(&operation) => self.property(name).map(|known| &known.forms),
            _ if Operation::OF_ACTION.contains(&operation) => self.action(name).map(|known| &known.forms),
            _ => self.event(name).map(|known| &known.forms),
        };
        forms.is_some_and(|forms| forms.iter().any(|form| form.operations.contains(&operation)))
    }
}
