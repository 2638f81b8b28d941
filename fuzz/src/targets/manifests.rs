//! What a plugin's file says of itself: its manifest, the section that holds it, what it imports.

use streembit_plugin_api::{Manifest, imports, section};
use streembit_thing_descriptions::ThingModel;

use crate::fixed::split;

/// The shortest component: preamble and nothing else.
const COMPONENT: [u8; 8] = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 4 {
        // A stranger's component.
        0 => {
            if let Ok(text) = section::find(rest) {
                parse(text);
            }
        }
        // Any sections behind an honest preamble, and our manifest behind them.
        1 => {
            let component = [&COMPONENT, rest].concat();
            if let Ok(embedded) = section::embed(&component, "name = 1") {
                assert_eq!(section::find(&embedded).expect("what was embedded is found"), "name = 1");
                assert!(embedded.starts_with(&component));
            }
        }
        2 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            parse(text);
        }
        _ => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            let _ = imports::check(text.lines());
        }
    }
}

fn parse(text: &str) {
    match Manifest::parse(text) {
        // As the agent goes on: the model is the author's too.
        Ok(manifest) => drop(ThingModel::parse(manifest.thing_model.to_string().as_bytes())),
        Err(error) => drop(error.to_string()),
    }
}
