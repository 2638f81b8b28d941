//! What the W3C's schema does not see of security (TD 1.1, section 5.3.3): every name that is used is defined,
//! combinations end, and an OAuth 2 scheme has a flow.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::Invalid;
use crate::pointer::Place;

/// Definitions of one TD: real ones have one to three.
const MAX_DEFINITIONS: usize = 64;
/// Where a Thing Description has affordances, and so forms.
const KINDS: [&str; 3] = ["properties", "actions", "events"];

pub(crate) fn check(root: &Value) -> Result<(), Invalid> {
    let none = Map::new();
    let defined = root.get("securityDefinitions").and_then(Value::as_object).unwrap_or(&none);
    let top = Place::Root;
    let place = top.key("securityDefinitions");
    if defined.len() > MAX_DEFINITIONS {
        return refuse(&place, "count", "more security definitions than anybody needs");
    }
    names(root.get("security"), defined, &top.key("security"))?;
    for (name, definition) in defined {
        let at = place.key(name);
        for key in ["oneOf", "allOf"] {
            names(definition.get(key), defined, &at.key(key))?;
        }
        let is_oauth2 = definition.get("scheme").is_some_and(|scheme| scheme == "oauth2");
        if is_oauth2 && definition.get("flow").is_none() {
            return refuse(&at.key("flow"), "required", "an oauth2 scheme has a flow");
        }
    }
    combinations_end(defined, &place)?;
    forms(root, &top, defined)?;
    for kind in KINDS {
        let place = top.key(kind);
        for (name, affordance) in root.get(kind).and_then(Value::as_object).unwrap_or(&none) {
            forms(affordance, &place.key(name), defined)?;
        }
    }
    Ok(())
}

fn forms(holder: &Value, at: &Place<'_>, defined: &Map<String, Value>) -> Result<(), Invalid> {
    let at = at.key("forms");
    for (index, form) in holder.get("forms").and_then(Value::as_array).into_iter().flatten().enumerate() {
        names(form.get("security"), defined, &at.index(index).key("security"))?;
    }
    Ok(())
}

/// One name or several, each defined.
fn names(used: Option<&Value>, defined: &Map<String, Value>, at: &Place<'_>) -> Result<(), Invalid> {
    let check = |name: &Value, at: &Place<'_>| match name.as_str() {
        Some(name) if defined.contains_key(name) => Ok(()),
        _ => refuse(at, "security", "not in securityDefinitions"),
    };
    match used {
        None => Ok(()),
        Some(Value::Array(names)) => {
            names.iter().enumerate().try_for_each(|(index, name)| check(name, &at.index(index)))
        }
        Some(name) => check(name, at),
    }
}

/// A combination must come down to schemes that are none. Each round settles those whose parts are settled.
fn combinations_end(defined: &Map<String, Value>, place: &Place<'_>) -> Result<(), Invalid> {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    loop {
        let parts = |definition: &Value| -> Vec<String> {
            let lists = [definition.get("oneOf"), definition.get("allOf")];
            let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let open: Vec<_> = defined.iter().filter(|(name, _)| !settled.contains(name.as_str())).collect();
        let Some((first, _)) = open.first() else { return Ok(()) };
        let ready = |definition| parts(definition).iter().all(|part| settled.contains(part.as_str()));
        let next: Vec<_> =
            open.iter().filter(|(_, definition)| ready(definition)).map(|(name, _)| name.as_str()).collect();
        if next.is_empty() {
            return refuse(&place.key(first), "security", "this combination contains itself");
        }
        settled.extend(next);
    }
}

fn refuse<T>(at: &Place<'_>, rule: &'static str, detail: &str) -> Result<T, Invalid> {
    Err(Invalid::new(at.pointer(), rule, detail))
}
