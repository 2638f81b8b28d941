//! Thing Descriptions of others: the Recommendation's own example, and what must be refused.

// A helper of a test may fail like the test itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};
use streembit_thing_descriptions::{Operation, ThingDescription};

/// A lamp after example 1 of the Recommendation, with what makes it more than that: a default form, an extension
/// member, a schema that we do not check.
fn lamp() -> Value {
    json!({
        "@context": ["https://www.w3.org/2022/wot/td/v1.1", { "iot": "http://iotschema.org/" }],
        "id": "urn:uuid:0804d572-cce8-422a-bb7c-4412fcd56f06",
        "title": "MyLampThing",
        "iot:capability": { "kept": [1, 2.50] },
        "securityDefinitions": {
            "basic_sc": { "scheme": "basic", "in": "header" },
            "bearer_sc": { "scheme": "bearer" },
            "combo_sc": { "scheme": "combo", "oneOf": ["basic_sc", "bearer_sc"] }
        },
        "security": "combo_sc",
        "properties": {
            "status": {
                "type": "string",
                "readOnly": true,
                "forms": [{ "href": "https://mylamp.example.com/status" }]
            },
            "level": {
                "type": "integer",
                "additionalProperties": false,
                "observable": true,
                "forms": [
                    { "href": "https://mylamp.example.com/level" },
                    { "href": "https://mylamp.example.com/level", "op": "observeproperty", "subprotocol": "sse" }
                ]
            }
        },
        "actions": { "toggle": { "forms": [{ "href": "https://mylamp.example.com/toggle", "security": "basic_sc" }] } },
        "events": {
            "overheating": {
                "data": { "type": "string" },
                "forms": [{ "href": "https://mylamp.example.com/oh", "subprotocol": "longpoll" }]
            }
        },
        "forms": [{ "href": "https://mylamp.example.com/all", "op": ["readallproperties"] }]
    })
}

fn parse(td: &Value) -> Result<ThingDescription, (String, String)> {
    ThingDescription::parse(td.to_string().as_bytes())
        .map_err(|invalid| (invalid.pointer, invalid.rule.into_owned()))
}

#[test]
fn a_description_of_others_is_read_and_nothing_is_lost() {
    let text = lamp().to_string();
    let td = ThingDescription::parse(text.as_bytes()).unwrap();
    assert_eq!(td.bytes(), text.as_bytes());
    assert_eq!(td.root(), &lamp());
    assert_eq!(td.title(), "MyLampThing");
    assert!(td.property("status").unwrap().schema.is_checked());
    assert!(
        !td.property("level").unwrap().schema.is_checked(),
        "additionalProperties is not a term of TD 1.1"
    );
    assert_eq!(td.event("overheating").unwrap().forms[0].subprotocol.as_deref(), Some("longpoll"));
}

#[test]
fn forms_that_do_not_say_get_the_operations_of_the_recommendation() {
    let td = parse(&lamp()).unwrap();
    for (name, operation, offered) in [
        ("status", Operation::ReadProperty, true),
        ("status", Operation::WriteProperty, false),
        ("level", Operation::WriteProperty, true),
        ("level", Operation::ObserveProperty, true),
        ("level", Operation::UnobserveProperty, false),
        ("toggle", Operation::InvokeAction, true),
        ("toggle", Operation::QueryAction, false),
        ("overheating", Operation::SubscribeEvent, true),
        ("overheating", Operation::UnsubscribeEvent, true),
        ("", Operation::ReadAllProperties, true),
        ("", Operation::WriteAllProperties, false),
        ("nothing", Operation::ReadProperty, false),
    ] {
        assert_eq!(td.offers(name, operation), offered, "{operation} of {name}");
    }
}

/// The lamp with one member set, or taken away.
fn lamp_with(pointer: &str, value: Option<Value>) -> Value {
    let mut td = lamp();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = td.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(key.to_owned(), value)),
        (Value::Object(members), None) => drop(members.shift_remove(key).unwrap()),
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} leads nowhere"),
    }
    td
}

#[test]
fn what_the_w3c_schema_refuses_is_refused_where_it_stands() {
    let cases = [
        ("/title", None, "", "required"),
        ("/title", Some(json!(1)), "/title", "type"),
        ("/@context", Some(json!("http://example.com/")), "/@context", "anyOf"),
        ("/security", None, "", "required"),
        ("/securityDefinitions", None, "", "required"),
        (
            "/securityDefinitions/basic_sc/scheme",
            Some(json!("rot13")),
            "/securityDefinitions/basic_sc/scheme",
            "pattern",
        ),
        ("/properties/status/forms", None, "/properties/status", "required"),
        ("/properties/status/forms", Some(json!([])), "/properties/status/forms", "minItems"),
        ("/properties/status/forms/0/href", None, "/properties/status/forms/0", "required"),
        ("/properties/status/type", Some(json!("text")), "/properties/status/type", "enum"),
        ("/properties/status/readOnly", Some(json!("yes")), "/properties/status/readOnly", "type"),
        ("/actions/toggle/forms/0/op", Some(json!("readproperty")), "/actions/toggle/forms/0/op", "oneOf"),
        ("/events/overheating/data/enum", Some(json!([])), "/events/overheating/data/enum", "minItems"),
        ("/forms/0/op", Some(json!(["readproperty"])), "/forms/0/op/0", "enum"),
        ("/forms/0/op", None, "/forms/0", "required"),
    ];
    for (pointer, value, at, rule) in cases {
        let td = lamp_with(pointer, value.clone());
        let refused = parse(&td).unwrap_err();
        assert_eq!(refused, (at.to_owned(), rule.to_owned()), "{pointer} = {value:?}");
    }
}

#[test]
fn what_the_w3c_schema_cannot_see_is_refused_too() {
    let oauth2 = json!({ "scheme": "oauth2", "token": "https://example.com/token" });
    let cases = [
        ("/security", json!("nobody_sc"), "/security", "security"),
        ("/security", json!(["basic_sc", "nobody_sc"]), "/security/1", "security"),
        (
            "/actions/toggle/forms/0/security",
            json!("nobody_sc"),
            "/actions/toggle/forms/0/security",
            "security",
        ),
        ("/forms/0/security", json!(["nobody_sc"]), "/forms/0/security/0", "security"),
        (
            "/securityDefinitions/combo_sc/oneOf/1",
            json!("nobody_sc"),
            "/securityDefinitions/combo_sc/oneOf/1",
            "security",
        ),
        (
            "/securityDefinitions/combo_sc/oneOf/1",
            json!("combo_sc"),
            "/securityDefinitions/combo_sc",
            "security",
        ),
        ("/securityDefinitions/basic_sc", oauth2, "/securityDefinitions/basic_sc/flow", "required"),
    ];
    for (pointer, value, at, rule) in cases {
        let refused = parse(&lamp_with(pointer, Some(value.clone()))).unwrap_err();
        assert_eq!(refused, (at.to_owned(), rule.to_owned()), "{pointer} = {value}");
    }
}

#[test]
fn hostile_text_is_refused_by_its_limit() {
    let rule = |text: String| ThingDescription::parse(text.as_bytes()).unwrap_err().rule.into_owned();
    assert_eq!(rule(format!("{{\"title\":\"{}\"}}", "a".repeat(256 * 1024))), "size");
    assert_eq!(rule(format!("{{\"a\":{}1{}}}", "[".repeat(32), "]".repeat(32))), "depth");
    assert_eq!(rule(format!("[{}0]", "0,".repeat(16 * 1024))), "count");
    assert_eq!(rule("{\"title\":\"a\",\"title\":\"b\"}".into()), "duplicate");
    let mut td = lamp();
    let property = td["properties"]["status"].clone();
    for number in 0..128 {
        td["properties"][format!("p{number}")] = property.clone();
    }
    assert_eq!(parse(&td).unwrap_err(), ("/properties".to_owned(), "count".to_owned()));
}

proptest! {
    /// One member anywhere replaced by anything: read or refused, and what is read is what was sent.
    #[test]
    fn a_damaged_description_is_read_or_refused(at in any::<prop::sample::Index>(), with in 0_usize..8) {
        let mut pointers = Vec::new();
        collect(&lamp(), "", &mut pointers);
        let with = [json!(null), json!(1), json!(""), json!([]), json!({}), json!(["x"]), json!({"x": 1}), json!(true)]
            [with].clone();
        let mut td = lamp();
        *td.pointer_mut(at.get::<String>(&pointers)).unwrap() = with;
        if let Ok(read) = parse(&td) {
            prop_assert_eq!(read.root(), &td);
        }
    }
}

fn collect(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, member)| collect(member, &format!("{at}/{key}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}
