//! A Thing Description for one caller, built up from what it may use.

use serde_json::{Map, Value, json};

use crate::{Allowed, CONTEXT, Operation, SCHEME, ThingModel};

/// The name of our only security definition.
const SESSION: &str = "session";
/// What the model calls its Things.
const NAMES: [&str; 2] = ["title", "titles"];
/// What the model tells of them: prose that names affordances, so it is for those who may use every one of them.
const PROSE: [&str; 2] = ["description", "descriptions"];

/// What tells one Thing from the others of its model.
#[derive(Debug, Clone, Default)]
pub struct Instance<'a> {
    /// The thumbprint of the device's account key: where the forms lead.
    pub device: &'a str,
    /// The name of the Thing on its device.
    pub thing: &'a str,
    /// A `urn:uuid:` that its owner may change: a TD is shown around, and must not name the device's key for ever
    /// (TD 1.1, section 9.1.1).
    pub id: &'a str,
    /// The title that its owner gave it, in place of the model's.
    pub title: Option<&'a str>,
    /// Where to ask for help, a URI.
    pub support: Option<&'a str>,
    /// The version of this instance.
    pub version: Option<&'a str>,
    /// Links to elsewhere.
    pub links: &'a [Link<'a>],
}

/// A link of a Thing Description (TD 1.1, section 5.3.4.1).
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// How what it leads to is related, such as `type` or `service-doc`.
    pub rel: &'a str,
    /// Where it leads, a URI.
    pub href: &'a str,
    /// The media type of what is there.
    pub media_type: Option<&'a str>,
}

impl Instance<'static> {
    /// One that stands for any, to check what a model yields.
    pub(crate) fn example() -> Self {
        Self {
            device: "device",
            thing: "thing",
            id: "urn:uuid:00000000-0000-4000-8000-000000000000",
            version: Some("1.0.0"),
            ..Self::default()
        }
    }
}

/// Describes a Thing to a caller who may do exactly what `allowed` says.
///
/// Members come in a fixed order, affordances by name: equal facts make equal bytes. A property that the caller may
/// read and not write is `readOnly` here whatever the model says, and the other way round.
pub fn describe(model: &ThingModel, instance: &Instance<'_>, allowed: &Allowed) -> Value {
    let root = model.root();
    let forms = Forms { instance, allowed };
    let (properties, actions, events) = (forms.properties(model), forms.actions(model), forms.events(model));
    let all = model.affordances();
    let sees_all = properties.len() == all.properties.len()
        && actions.len() == all.actions.len()
        && events.len() == all.events.len();

    let mut td = Map::new();
    td.insert("@context".into(), context(root));
    if let Some(types) = types(root) {
        td.insert("@type".into(), types);
    }
    td.insert("id".into(), instance.id.into());
    for key in NAMES.iter().chain(PROSE.iter().filter(|_| sees_all)) {
        if let Some(member) = root.get(*key) {
            td.insert((*key).into(), member.clone());
        }
    }
    if let Some(title) = instance.title {
        // The titles in other languages are the model's, and would contradict the owner's name for it.
        td.shift_remove("titles");
        td.insert("title".into(), title.into());
    } else if !td.contains_key("title") {
        td.insert("title".into(), instance.thing.into());
    }
    if let Some(version) = instance.version {
        td.insert("version".into(), self::version(version, model));
    }
    if let Some(support) = instance.support {
        td.insert("support".into(), support.into());
    }
    // The session that carries every form authenticates both ends: nothing is added to a form's request.
    td.insert("securityDefinitions".into(), json!({ SESSION: { "scheme": "auto" } }));
    td.insert("security".into(), json!([SESSION]));
    let links: Vec<_> = instance.links.iter().map(link).collect();
    if !links.is_empty() {
        td.insert("links".into(), links.into());
    }
    if let Some(form) = forms.of_thing(&[Operation::ReadAllProperties]) {
        td.insert("forms".into(), json!([form]));
    }
    for (kind, members) in [("properties", properties), ("actions", actions), ("events", events)] {
        if !members.is_empty() {
            td.insert(kind.into(), members.into());
        }
    }
    Value::Object(td)
}

/// The model's context, TD 1.1 first: the vocabularies that its semantic types come from.
fn context(root: &Value) -> Value {
    let mut all = vec![CONTEXT.into()];
    if let Some(Value::Array(others)) = root.get("@context") {
        all.extend(others.iter().filter(|context| *context != CONTEXT).cloned());
    }
    if all.len() == 1 { CONTEXT.into() } else { all.into() }
}

/// The model's types without the one that makes it a model.
fn types(root: &Value) -> Option<Value> {
    let Some(Value::Array(all)) = root.get("@type") else { return None };
    let rest: Vec<_> = all
        .iter()
        .filter(|name| name.as_str().is_none_or(|name| !name.starts_with("tm:")))
        .cloned()
        .collect();
    (!rest.is_empty()).then(|| rest.into())
}

fn version(instance: &str, model: &ThingModel) -> Value {
    match model.version() {
        Some(model) => json!({ "instance": instance, "model": model }),
        None => json!({ "instance": instance }),
    }
}

fn link(link: &Link<'_>) -> Value {
    match link.media_type {
        Some(media_type) => json!({ "rel": link.rel, "href": link.href, "type": media_type }),
        None => json!({ "rel": link.rel, "href": link.href }),
    }
}

struct Forms<'a> {
    instance: &'a Instance<'a>,
    allowed: &'a Allowed,
}

impl Forms<'_> {
    fn properties(&self, model: &ThingModel) -> Map<String, Value> {
        let mut all = Map::new();
        for (name, property) in model.properties() {
            let may = |operation| property.has(operation) && self.allowed.allows(name, operation);
            let Some(form) = self.form("properties", name, &Operation::OF_PROPERTY, may) else { continue };
            let mut members = affordance(model, "properties", name);
            let (reads, writes) = (may(Operation::ReadProperty), may(Operation::WriteProperty));
            let observes = may(Operation::ObserveProperty);
            for (key, holds) in [
                ("readOnly", !writes),
                ("writeOnly", writes && !reads && !observes),
                ("observable", observes),
            ] {
                members.shift_remove(key);
                if holds {
                    members.insert(key.into(), true.into());
                }
            }
            members.insert("forms".into(), json!([form]));
            all.insert(name.to_owned(), members.into());
        }
        all
    }

    fn actions(&self, model: &ThingModel) -> Map<String, Value> {
        let names = model.actions().map(|(name, _)| name);
        self.others(model, "actions", names, &Operation::OF_ACTION)
    }

    fn events(&self, model: &ThingModel) -> Map<String, Value> {
        let names = model.events().map(|(name, _)| name);
        self.others(model, "events", names, &Operation::OF_EVENT)
    }

    fn others<'m>(
        &self,
        model: &'m ThingModel,
        kind: &str,
        names: impl Iterator<Item = &'m str>,
        operations: &[Operation],
    ) -> Map<String, Value> {
        let mut all = Map::new();
        for name in names {
            let may = |operation| self.allowed.allows(name, operation);
            let Some(form) = self.form(kind, name, operations, may) else { continue };
            let mut members = affordance(model, kind, name);
            members.insert("forms".into(), json!([form]));
            all.insert(name.to_owned(), members.into());
        }
        all
    }

    /// The form of one affordance, or `None` where none of its operations is allowed: then it is not described.
    fn form(
        &self,
        kind: &str,
        name: &str,
        operations: &[Operation],
        may: impl Fn(Operation) -> bool,
    ) -> Option<Value> {
        let ops: Vec<_> = operations.iter().filter(|op| may(**op)).map(|op| op.name()).collect();
        (!ops.is_empty()).then(|| self.made(&format!("/{kind}/{name}"), &ops))
    }

    fn of_thing(&self, operations: &[Operation]) -> Option<Value> {
        let allowed = operations.iter().filter(|op| self.allowed.allows_of_thing(**op));
        let ops: Vec<_> = allowed.map(|op| op.name()).collect();
        (!ops.is_empty()).then(|| self.made("/properties", &ops))
    }

    fn made(&self, path: &str, ops: &[&str]) -> Value {
        let Instance { device, thing, .. } = self.instance;
        let href = format!("{SCHEME}://{device}/{thing}{path}");
        json!({ "href": href, "contentType": "application/json", "op": ops })
    }
}

/// What the model says of an affordance.
fn affordance(model: &ThingModel, kind: &str, name: &str) -> Map<String, Value> {
    let members = model.root().get(kind).and_then(|all| all.get(name)).and_then(Value::as_object);
    members.cloned().unwrap_or_default()
}
