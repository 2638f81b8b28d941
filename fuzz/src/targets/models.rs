//! Thing Models that a plugin brings: whatever is taken yields valid descriptions, for any caller.

use streembit_thing_descriptions::{Allowed, Instance, Operation, ThingDescription, ThingModel, describe};

pub fn run(input: &[u8]) {
    let Ok(model) = ThingModel::parse(input) else { return };
    // The model's own bytes say which operations this caller may use.
    let mut choice = input.iter().cycle();
    let mut may = || choice.next().is_some_and(|byte| byte.count_ones() % 2 == 0);
    let mut allowed = Allowed::nothing();
    let affordances = model.affordances();
    let kinds = [
        (affordances.properties.keys().collect::<Vec<_>>(), &Operation::OF_PROPERTY[..]),
        (affordances.actions.keys().collect(), &Operation::OF_ACTION),
        (affordances.events.keys().collect(), &Operation::OF_EVENT),
    ];
    for (names, operations) in kinds {
        for name in names {
            operations.iter().filter(|_| may()).for_each(|operation| allowed.affordance(name, *operation));
        }
    }
    let id = "urn:uuid:6f2c5c1e-0f1b-4f54-9d2a-3c1f0b6f4d11";
    let instance = Instance { device: "device", thing: "thing", id, ..Instance::default() };
    let td = describe(&model, &instance, &allowed);
    let td =
        ThingDescription::parse(td.to_string().as_bytes()).expect("a model that was taken can be served");
    for (name, property) in &td.affordances().properties {
        assert!(property.schema.is_checked(), "{name} lost its schema");
    }
}
