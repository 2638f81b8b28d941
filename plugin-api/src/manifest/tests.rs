use std::time::Duration;

use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"api = "0.1.0"
name = "gpio-switch"
version = "0.1.0"
publisher = "streembit"
description = "A door."

[limits]
memory-mib = 4
cpu-ms = 20

[resources.open]
kind = "digital-output"
reason = "Presses the button that opens the door."

[resources.obstruction]
kind = "digital-input"
reason = "Sees what is in the way."
optional = true

[thing]
title = "Door"
"@type" = "tm:ThingModel"
properties.state = { type = "string", enum = ["open", "closed"], maximum = 1.5, readOnly = true }
"#;

#[test]
fn a_manifest_is_read() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!(manifest.name.as_str(), "gpio-switch");
    assert_eq!(manifest.limits.memory, 4 << 20);
    assert_eq!(manifest.limits.cpu, Duration::from_millis(20));
    assert_eq!(manifest.limits.deadline, Limits::default().deadline);
    assert_eq!(manifest.resources["open"].kind, ResourceKind::DigitalOutput);
    assert!(!manifest.resources["open"].optional);
    assert!(manifest.resources["obstruction"].optional);
    assert_eq!(manifest.thing_model["properties"]["state"]["enum"][1], "closed");
    assert_eq!(manifest.thing_model["@type"], "tm:ThingModel");
}

/// Replaces `from` in the good manifest and returns the error's line, key and message.
fn broken(from: &str, to: &str) -> (Option<usize>, String, String) {
    assert!(GOOD.contains(from), "{from}");
    let error = Manifest::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(&error.key) && shown.contains(&error.message), "{shown}");
    (error.line, error.key, error.message)
}

#[test]
fn errors_name_line_and_key() {
    let at = |from, to| {
        let (line, key, _) = broken(from, to);
        (line, key)
    };
    assert_eq!(at("memory-mib = 4", "memory-mib = 0"), (Some(8), "limits.memory-mib".into()));
    assert_eq!(at("memory-mib = 4", "memory-mib = \"4\""), (Some(8), "limits.memory-mib".into()));
    assert_eq!(at("cpu-ms = 20", "cpu = 20"), (Some(9), "limits.cpu".into()));
    assert_eq!(at("digital-output", "can-bus"), (Some(12), "resources.open.kind".into()));
    assert_eq!(at("optional = true", "optional = 1"), (Some(18), "resources.obstruction.optional".into()));
    assert_eq!(at("resources.open]", "resources.\"o/p\"]"), (Some(11), "resources.o/p".into()));
    assert_eq!(at("name = \"gpio", "name = \"../gpio"), (Some(2), "name".into()));
    assert_eq!(at("api = \"0.1.0\"", "api = \"0.2.0\""), (Some(1), "api".into()));
    assert_eq!(at("title = \"Door\"", "title = 2026-01-01"), (Some(21), "thing.title".into()));
    assert_eq!(at("maximum = 1.5", "maximum = inf").1, "thing.properties.state.maximum");
    assert_eq!(at("publisher = \"streembit\"", "publisher = "), (Some(4), String::new()));
}

#[test]
fn what_is_missing_is_named() {
    let (_, key, message) = broken("kind = \"digital-output\"", "");
    assert_eq!(key, "resources.open");
    assert!(message.contains("`kind`"), "{message}");
    let (_, _, message) = broken("version = \"0.1.0\"", "");
    assert!(message.contains("`version`"), "{message}");
}

#[test]
fn sizes_are_bounded() {
    let long = format!("{GOOD}# {}", "x".repeat(MAX_LENGTH));
    assert!(Manifest::parse(&long).unwrap_err().message.contains("longer"));
    let mut many = GOOD.to_owned();
    for n in 0..MAX_RESOURCES {
        many += &format!("[resources.r{n}]\nkind = \"digital-input\"\nreason = \"x\"\n");
    }
    assert!(Manifest::parse(&many).unwrap_err().message.contains("more than"));
    let deep = GOOD.replace("maximum = 1.5", &format!("maximum = {}1{}", "[".repeat(40), "]".repeat(40)));
    assert!(Manifest::parse(&deep).is_err());
    assert!(Manifest::parse(&format!("x = {}", "[".repeat(20_000))).is_err());
    let (_, key, _) = broken("A door.", &"x".repeat(301));
    assert_eq!(key, "description");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z\\[\\]\\.= \"\n0-9{}]{0,200}") {
        let _ = Manifest::parse(&text);
    }

    #[test]
    fn no_byte_changed_makes_it_panic(at in 0..GOOD.len(), byte in 0x20u8..0x7f) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = Manifest::parse(std::str::from_utf8(&bytes).unwrap());
    }
}
