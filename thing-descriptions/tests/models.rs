//! The model that we ship, and a richer one: they parse, and what is made of them is what the W3C's schema wants.

// A helper of a test may fail like the test itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use streembit_thing_descriptions::{
    Allowed, Instance, Operation, ThingDescription, ThingModel, describe, models,
};

/// A model with something of everything: affordances of each kind, several languages, another vocabulary.
const GARAGE: &str = include_str!("garage-door.tm.json");

const ID: &str = "urn:uuid:6f2c5c1e-0f1b-4f54-9d2a-3c1f0b6f4d11";

fn instance() -> Instance<'static> {
    Instance {
        device: "dGh1bWJwcmludCBvZiB0aGUgZGV2aWNlIGFjY291bnQ",
        thing: "garage",
        id: ID,
        title: Some("Left garage"),
        support: Some("mailto:help@example.com"),
        version: Some("3"),
        links: &[],
    }
}

fn garage() -> ThingModel {
    ThingModel::parse(GARAGE.as_bytes()).unwrap()
}

fn read_back(td: &serde_json::Value) -> ThingDescription {
    ThingDescription::parse(td.to_string().as_bytes()).unwrap()
}

#[test]
fn every_model_yields_a_valid_description_of_everything() {
    for text in [models::DEVICE, GARAGE] {
        let model = ThingModel::parse(text.as_bytes()).unwrap();
        let td = read_back(&describe(&model, &instance(), &Allowed::everything(&model)));
        assert_eq!(td.affordances().properties.len(), model.affordances().properties.len());
        assert_eq!(td.affordances().actions.len(), model.affordances().actions.len());
        assert_eq!(td.affordances().events.len(), model.affordances().events.len());
        assert_eq!(td.title(), "Left garage");
        assert_eq!(td.id(), Some(ID));
    }
}

#[test]
fn a_viewer_sees_what_it_may_read_and_nothing_of_the_rest() {
    let mut allowed = Allowed::nothing();
    allowed.affordance("travelTime", Operation::ReadProperty);
    let made = describe(&garage(), &instance(), &allowed);
    let text = made.to_string();
    for hidden in ["open", "obstruction", "\"state\"", "writeproperty", "observe"] {
        assert!(!text.contains(hidden), "{hidden} shows in {text}");
    }
    let td = read_back(&made);
    assert!(td.offers("travelTime", Operation::ReadProperty));
    assert!(!td.offers("travelTime", Operation::WriteProperty));
    assert!(td.property("travelTime").unwrap().read_only);
    assert!(!td.property("travelTime").unwrap().observable);
}

#[test]
fn an_allowance_that_the_model_has_no_use_for_describes_nothing() {
    let mut allowed = Allowed::nothing();
    // The model says that the state cannot be written, and knows no such action.
    allowed.affordance("state", Operation::WriteProperty);
    allowed.affordance("explode", Operation::InvokeAction);
    let made = describe(&garage(), &instance(), &allowed);
    assert_eq!(made.get("properties"), None);
    assert_eq!(made.get("actions"), None);
}

#[test]
fn forms_lead_to_the_device_by_its_key() {
    let model = garage();
    let made = describe(&model, &instance(), &Allowed::everything(&model));
    let form = made.pointer("/properties/state/forms/0").unwrap();
    let href = "streembit://dGh1bWJwcmludCBvZiB0aGUgZGV2aWNlIGFjY291bnQ/garage/properties/state";
    assert_eq!(form["href"], href);
    assert_eq!(form["op"], serde_json::json!(["readproperty", "observeproperty", "unobserveproperty"]));
}

#[test]
fn equal_facts_make_equal_bytes() {
    let describe = || {
        let model = garage();
        describe(&model, &instance(), &Allowed::everything(&model)).to_string()
    };
    assert_eq!(describe(), describe());
}
