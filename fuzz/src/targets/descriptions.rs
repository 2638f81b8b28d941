//! Thing Descriptions of others.

use streembit_thing_descriptions::{Operation, ThingDescription};

pub fn run(input: &[u8]) {
    match ThingDescription::parse(input) {
        Ok(td) => {
            assert_eq!(td.bytes(), input);
            assert!(td.root()["title"] == td.title());
            // What is kept can be read again from its own value.
            let again = ThingDescription::from_value(td.root()).unwrap();
            assert_eq!(again.affordances(), td.affordances());
            for name in td.affordances().properties.keys() {
                let _ = Operation::ALL.map(|operation| td.offers(name, operation));
            }
        }
        Err(invalid) => {
            let _ = invalid.to_string();
        }
    }
}
