use std::sync::Arc;

use serde_json::Value;

use crate::affordance::Reading;
use crate::json::{self, Limits};
use crate::pointer::Place;
use crate::{Action, Affordances, Allowed, CONTEXT, Event, Instance, Invalid, Property, describe, w3c};

/// The type that makes a document a Thing Model (TD 1.1, section 10.2).
const MODEL_TYPE: &str = "tm:ThingModel";

/// A Thing Model (TD 1.1, section 10): what any Thing of a kind can do, before there is one.
///
/// The bytes are kept as they came; the rest is a view of them. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct ThingModel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Vec<u8>,
    root: Value,
    affordances: Affordances,
}

impl ThingModel {
    /// Reads a Thing Model that a Thing of this device is to be made from.
    ///
    /// Stricter than the Recommendation, on purpose: `tm:extends`, `tm:ref` and placeholders must have been resolved,
    /// forms and security are the device's to add, and every data schema must compile. In return every Thing
    /// Description that is made from the model is valid: the fullest one is checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let root = json::parse(bytes, Limits::DOCUMENT)?;
        is_model(&root)?;
        resolved(&root, &Place::Root)?;
        let affordances = Affordances::read(&root, Reading::Model)?;
        let model = Self(Arc::new(Inner { bytes: bytes.to_vec(), root, affordances }));
        w3c::check(&describe(&model, &Instance::example(), &Allowed::everything(&model)))?;
        Ok(model)
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
    pub fn title(&self) -> Option<&str> {
        self.0.root.get("title").and_then(Value::as_str)
    }

    /// The version of the model itself (`version.model`).
    pub fn version(&self) -> Option<&str> {
        self.0.root.pointer("/version/model").and_then(Value::as_str)
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

    /// The properties by name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.0.affordances.properties.iter().map(|(name, property)| (name.as_str(), property))
    }

    /// The actions by name.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &Action)> {
        self.0.affordances.actions.iter().map(|(name, action)| (name.as_str(), action))
    }

    /// The events by name.
    pub fn events(&self) -> impl Iterator<Item = (&str, &Event)> {
        self.0.affordances.events.iter().map(|(name, event)| (name.as_str(), event))
    }
}

fn is_model(root: &Value) -> Result<(), Invalid> {
    if !root.is_object() {
        return Err(Invalid::new("", "type", "a Thing Model is an object"));
    }
    if !has(root.get("@context"), CONTEXT) {
        return Err(Invalid::new("/@context", "context", format!("{CONTEXT} must be in it")));
    }
    if !has(root.get("@type"), MODEL_TYPE) {
        return Err(Invalid::new("/@type", "tm:ThingModel", format!("{MODEL_TYPE} must be in it")));
    }
    Ok(())
}

/// Whether a member that may be one string or several is or has this one.
fn has(member: Option<&Value>, wanted: &str) -> bool {
    match member {
        Some(Value::Array(items)) => items.iter().any(|item| item == wanted),
        Some(one) => one == wanted,
        None => false,
    }
}

/// Nothing is left that a reader would have to fetch or fill in (TD 1.1, sections 10.3.3 and 10.3.4).
fn resolved(value: &Value, place: &Place<'_>) -> Result<(), Invalid> {
    let refuse = |rule: &'static str, detail: &str| Err(Invalid::new(place.pointer(), rule, detail));
    match value {
        Value::String(text) if has_placeholder(text) => {
            refuse("placeholder", "a placeholder {{…}} must be filled in before the model is used")
        }
        Value::String(text) if text == "tm:extends" || text == "tm:submodel" => {
            refuse("tm:extends", "a model that others extend or contain must be resolved before it is used")
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| resolved(item, &place.index(index)))
        }
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            let at = place.key(key);
            if key == "tm:ref" {
                return Err(Invalid::new(at.pointer(), "tm:ref", "references must be resolved before use"));
            }
            resolved(member, &at)
        }),
        _ => Ok(()),
    }
}

/// `{{NAME}}`, as TD 1.1 section 10.3.4 writes one.
fn has_placeholder(text: &str) -> bool {
    text.split("{{").skip(1).any(|rest| rest.find("}}").is_some_and(|end| end > 0))
}
