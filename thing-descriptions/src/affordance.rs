//! What a Thing offers: a typed view of the affordances, beside the JSON that stays the truth.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::pointer::Place;
use crate::{DataSchema, Invalid, Operation};

/// Affordances of one kind: a Thing with more is several Things.
const MAX_OF_A_KIND: usize = 128;
/// Bytes of an affordance's name: the limit of every name in a message.
const MAX_NAME: usize = 64;
/// What only an affordance has, beside the data schema that a property also is.
const NOT_SCHEMA: [&str; 3] = ["forms", "observable", "uriVariables"];

/// All that a Thing offers, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Affordances {
    /// What can be read, written or observed.
    pub properties: BTreeMap<String, Property>,
    /// What can be invoked.
    pub actions: BTreeMap<String, Action>,
    /// What can be subscribed to.
    pub events: BTreeMap<String, Event>,
}

/// A property (TD 1.1, section 5.3.1.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its values.
    pub schema: DataSchema,
    /// It cannot be written.
    pub read_only: bool,
    /// It cannot be read or observed.
    pub write_only: bool,
    /// It can be observed.
    pub observable: bool,
    /// How to reach it; empty in a Thing Model.
    pub forms: Vec<Form>,
}

/// An action (TD 1.1, section 5.3.1.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What it takes; without one it takes nothing.
    pub input: Option<DataSchema>,
    /// What it answers; without one it answers nothing.
    pub output: Option<DataSchema>,
    /// It changes nothing.
    pub safe: bool,
    /// Invoking it twice is as good as once.
    pub idempotent: bool,
    /// Whether its answer says that it is done; unknown where the author did not say.
    pub synchronous: Option<bool>,
    /// How to reach it; empty in a Thing Model.
    pub forms: Vec<Form>,
}

/// An event (TD 1.1, section 5.3.1.5).
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What a subscriber must say.
    pub subscription: Option<DataSchema>,
    /// What it carries; without one it carries nothing.
    pub data: Option<DataSchema>,
    /// What ends a subscription.
    pub cancellation: Option<DataSchema>,
    /// How to reach it; empty in a Thing Model.
    pub forms: Vec<Form>,
}

/// Where an operation is done (TD 1.1, section 5.3.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// A URI, relative to the TD's `base` where it has one.
    pub href: String,
    /// What is done there; the defaults of TD 1.1 where the form does not say.
    pub operations: BTreeSet<Operation>,
    /// The media type; `application/json` where the form does not say.
    pub content_type: String,
    /// Such as `sse` or `longpoll`.
    pub subprotocol: Option<String>,
}

impl Property {
    /// Whether the property as such has this operation. (Who may use it is another question.)
    pub fn has(&self, operation: Operation) -> bool {
        match operation {
            Operation::ReadProperty => !self.write_only,
            Operation::WriteProperty => !self.read_only,
            Operation::ObserveProperty | Operation::UnobserveProperty => self.observable && !self.write_only,
            _ => false,
        }
    }
}

/// How strictly a document is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// One that this device serves: every schema compiles, names fit our messages, `forms` are ours to make.
    Model,
    /// One that somebody else wrote, which has passed the W3C schema.
    Description,
}

impl Affordances {
    pub(crate) fn read(root: &Value, reading: Reading) -> Result<Self, Invalid> {
        Ok(Self {
            properties: of_kind(root, "properties", reading, property)?,
            actions: of_kind(root, "actions", reading, action)?,
            events: of_kind(root, "events", reading, event)?,
        })
    }
}

type Read<T> = fn(&Map<String, Value>, &Place<'_>, Reading) -> Result<T, Invalid>;

fn of_kind<T>(
    root: &Value,
    kind: &str,
    reading: Reading,
    read: Read<T>,
) -> Result<BTreeMap<String, T>, Invalid> {
    let Some(members) = root.get(kind) else { return Ok(BTreeMap::new()) };
    let root = Place::Root;
    let place = root.key(kind);
    let members = object(members, &place)?;
    if members.len() > MAX_OF_A_KIND {
        return refuse(&place, "count", format!("more than {MAX_OF_A_KIND} {kind}"));
    }
    let mut all = BTreeMap::new();
    for (name, affordance) in members {
        let at = place.key(name);
        if reading == Reading::Model && !is_name(name) {
            let detail = format!("a name has 1 to {MAX_NAME} of the characters A-Z a-z 0-9 . _ -");
            return refuse(&at, "name", detail);
        }
        all.insert(name.clone(), read(object(affordance, &at)?, &at, reading)?);
    }
    Ok(all)
}

/// Whether a name can stand in our messages and forms as it is.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits)
}

fn property(members: &Map<String, Value>, at: &Place<'_>, reading: Reading) -> Result<Property, Invalid> {
    let mut schema = members.clone();
    schema.retain(|key, _| !NOT_SCHEMA.contains(&key.as_str()));
    let read_only = flag(members, "readOnly", at)?.unwrap_or(false);
    let write_only = flag(members, "writeOnly", at)?.unwrap_or(false);
    let mut defaults = BTreeSet::new();
    if !write_only {
        defaults.insert(Operation::ReadProperty);
    }
    if !read_only {
        defaults.insert(Operation::WriteProperty);
    }
    Ok(Property {
        schema: schema_at(&Value::Object(schema), at, reading)?,
        read_only,
        write_only,
        observable: flag(members, "observable", at)?.unwrap_or(false),
        forms: forms(members, at, reading, &Operation::OF_PROPERTY, &defaults)?,
    })
}

fn action(members: &Map<String, Value>, at: &Place<'_>, reading: Reading) -> Result<Action, Invalid> {
    let defaults = BTreeSet::from([Operation::InvokeAction]);
    Ok(Action {
        input: schema_of(members, "input", at, reading)?,
        output: schema_of(members, "output", at, reading)?,
        safe: flag(members, "safe", at)?.unwrap_or(false),
        idempotent: flag(members, "idempotent", at)?.unwrap_or(false),
        synchronous: flag(members, "synchronous", at)?,
        forms: forms(members, at, reading, &Operation::OF_ACTION, &defaults)?,
    })
}

fn event(members: &Map<String, Value>, at: &Place<'_>, reading: Reading) -> Result<Event, Invalid> {
    let defaults = BTreeSet::from(Operation::OF_EVENT);
    Ok(Event {
        subscription: schema_of(members, "subscription", at, reading)?,
        data: schema_of(members, "data", at, reading)?,
        cancellation: schema_of(members, "cancellation", at, reading)?,
        forms: forms(members, at, reading, &Operation::OF_EVENT, &defaults)?,
    })
}

fn schema_of(
    members: &Map<String, Value>,
    key: &str,
    at: &Place<'_>,
    reading: Reading,
) -> Result<Option<DataSchema>, Invalid> {
    members.get(key).map(|schema| schema_at(schema, &at.key(key), reading)).transpose()
}

fn schema_at(schema: &Value, at: &Place<'_>, reading: Reading) -> Result<DataSchema, Invalid> {
    match reading {
        Reading::Model => DataSchema::compile_at(schema, at),
        Reading::Description => Ok(DataSchema::lenient(schema)),
    }
}

fn flag(members: &Map<String, Value>, key: &str, at: &Place<'_>) -> Result<Option<bool>, Invalid> {
    match members.get(key) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => refuse(&at.key(key), "type", "true or false is needed"),
    }
}

/// The forms of one affordance. In a Thing Model there are none: the device makes them when it describes the Thing.
fn forms(
    members: &Map<String, Value>,
    at: &Place<'_>,
    reading: Reading,
    known: &[Operation],
    defaults: &BTreeSet<Operation>,
) -> Result<Vec<Form>, Invalid> {
    if reading == Reading::Model {
        for key in ["forms", "uriVariables"] {
            if members.contains_key(key) {
                return refuse(
                    &at.key(key),
                    "form",
                    "the device makes the forms: leave this out of the model",
                );
            }
        }
        return Ok(Vec::new());
    }
    let at = at.key("forms");
    let Some(Value::Array(forms)) = members.get("forms") else {
        return refuse(&at, "required", "at least one form is needed");
    };
    forms.iter().enumerate().map(|(index, read)| form(read, &at.index(index), known, defaults)).collect()
}

/// The forms of the whole Thing; their operations have no default (TD 1.1, section 5.3.4.2).
pub(crate) fn thing_forms(root: &Value) -> Result<Vec<Form>, Invalid> {
    let top = Place::Root;
    let at = top.key("forms");
    let Some(Value::Array(forms)) = root.get("forms") else { return Ok(Vec::new()) };
    let known: Vec<_> = Operation::ALL.into_iter().filter(|operation| operation.is_of_thing()).collect();
    let none = BTreeSet::new();
    forms.iter().enumerate().map(|(index, read)| form(read, &at.index(index), &known, &none)).collect()
}

fn form(
    members: &Value,
    at: &Place<'_>,
    known: &[Operation],
    defaults: &BTreeSet<Operation>,
) -> Result<Form, Invalid> {
    let members = object(members, at)?;
    let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(href) = text("href") else { return refuse(&at.key("href"), "required", "a form has an href") };
    Ok(Form {
        href,
        operations: operations(members, at, known)?.unwrap_or_else(|| defaults.clone()),
        content_type: text("contentType").unwrap_or_else(|| "application/json".into()),
        subprotocol: text("subprotocol"),
    })
}

/// The `op` of a form: one name or several, each fitting where the form stands (TD 1.1, table 24).
fn operations(
    members: &Map<String, Value>,
    at: &Place<'_>,
    known: &[Operation],
) -> Result<Option<BTreeSet<Operation>>, Invalid> {
    let at = at.key("op");
    let parse = |name: &Value, at: &Place<'_>| match name.as_str().and_then(|name| name.parse().ok()) {
        Some(operation) if known.contains(&operation) => Ok(operation),
        _ => refuse(at, "op", "not an operation of this kind of affordance"),
    };
    match members.get("op") {
        None => Ok(None),
        Some(Value::Array(names)) => {
            let read = |(index, name)| parse(name, &at.index(index));
            names.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
        }
        Some(name) => Ok(Some(BTreeSet::from([parse(name, &at)?]))),
    }
}

fn refuse<T>(at: &Place<'_>, rule: &'static str, detail: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::new(at.pointer(), rule, detail))
}

fn object<'v>(value: &'v Value, at: &Place<'_>) -> Result<&'v Map<String, Value>, Invalid> {
    value.as_object().ok_or_else(|| Invalid::new(at.pointer(), "type", "an object is needed"))
}
