//! Thing Models that a plugin may come with, and those that it may not.

// A helper of a test may fail like the test itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};
use streembit_thing_descriptions::{Invalid, Operation, ThingModel};

fn model() -> Value {
    json!({
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        "@type": "tm:ThingModel",
        "title": "Pump",
        "properties": {
            "flow": { "type": "number", "unit": "l/min", "readOnly": true, "observable": true },
            "target": { "type": "number", "minimum": 0 },
            "key": { "type": "string", "writeOnly": true }
        },
        "actions": { "prime": { "input": { "type": "integer" }, "output": { "type": "boolean" }, "idempotent": true } },
        "events": { "dry": { "data": { "type": "null" } } }
    })
}

fn parse(model: &Value) -> Result<ThingModel, Invalid> {
    ThingModel::parse(model.to_string().as_bytes())
}

#[test]
fn the_view_says_what_the_model_says() {
    let pump = parse(&model()).unwrap();
    assert_eq!(pump.title(), Some("Pump"));
    let has = |name: &str, operation| pump.property(name).unwrap().has(operation);
    assert!(has("flow", Operation::ReadProperty) && has("flow", Operation::ObserveProperty));
    assert!(!has("flow", Operation::WriteProperty));
    assert!(has("target", Operation::WriteProperty) && !has("target", Operation::ObserveProperty));
    assert!(has("key", Operation::WriteProperty) && !has("key", Operation::ReadProperty));
    assert!(!has("target", Operation::InvokeAction));
    let prime = pump.action("prime").unwrap();
    assert!(prime.idempotent && !prime.safe && prime.synchronous.is_none());
    prime.input.as_ref().unwrap().check(&json!(3)).unwrap();
    assert_eq!(prime.input.as_ref().unwrap().check(&json!("3")).unwrap_err().rule, "type");
    assert_eq!(pump.event("dry").unwrap().data.as_ref().unwrap().type_name(), Some("null"));
    assert!(pump.property("prime").is_none() && pump.action("flow").is_none());
}

#[test]
fn a_model_that_cannot_be_served_is_refused_where_it_is_wrong() {
    let cases = [
        ("/@context", json!("https://www.w3.org/2019/wot/td/v1"), "/@context", "context"),
        ("/@type", json!("Thing"), "/@type", "tm:ThingModel"),
        ("/title", json!(5), "/title", "type"),
        ("/title", json!("Pump {{NUMBER}}"), "/title", "placeholder"),
        ("/properties", json!([]), "/properties", "type"),
        (
            "/properties/target",
            json!({ "tm:ref": "other.tm.jsonld#/properties/x" }),
            "/properties/target/tm:ref",
            "tm:ref",
        ),
        (
            "/properties/target",
            json!({ "type": "number", "$ref": "#" }),
            "/properties/target/$ref",
            "keyword",
        ),
        ("/properties/target", json!({ "type": "number", "forms": [] }), "/properties/target/forms", "form"),
        ("/properties/target", json!({ "uriVariables": {} }), "/properties/target/uriVariables", "form"),
        ("/properties/target", json!({ "observable": 1 }), "/properties/target/observable", "type"),
        ("/properties/a b", json!({ "type": "number" }), "/properties/a b", "name"),
        ("/properties/..~1etc", json!({ "type": "number" }), "/properties/..~1etc", "name"),
        ("/properties/", json!({ "type": "number" }), "/properties/", "name"),
        (
            "/actions/prime",
            json!({ "input": { "pattern": "(?=a)" } }),
            "/actions/prime/input/pattern",
            "pattern",
        ),
        ("/actions/prime", json!({ "safe": "no" }), "/actions/prime/safe", "type"),
        (
            "/events/dry",
            json!({ "data": { "items": { "anyOf": [] } } }),
            "/events/dry/data/items/anyOf",
            "keyword",
        ),
        ("/links", json!([{ "rel": "tm:extends", "href": "base.tm.json" }]), "/links/0/rel", "tm:extends"),
    ];
    for (pointer, value, at, rule) in cases {
        let mut wrong = model();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value.clone();
        let invalid = parse(&wrong).unwrap_err();
        assert_eq!(
            (invalid.pointer.as_str(), invalid.rule.as_ref()),
            (at, rule),
            "{pointer} = {value}: {invalid}"
        );
    }
}

#[test]
fn a_name_of_64_bytes_is_taken_and_one_of_65_is_not() {
    for (length, fits) in [(64, true), (65, false)] {
        let mut long = model();
        long["actions"]["a".repeat(length)] = json!({});
        assert_eq!(parse(&long).is_ok(), fits);
    }
}

#[test]
fn what_is_not_a_model_is_refused() {
    for text in ["", "[]", "null", "{}", "{\"@type\":\"tm:ThingModel\"}", "\u{0}asm"] {
        assert!(ThingModel::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn the_bytes_are_kept() {
    let text = serde_json::to_string_pretty(&model()).unwrap();
    assert_eq!(ThingModel::parse(text.as_bytes()).unwrap().bytes(), text.as_bytes());
}
