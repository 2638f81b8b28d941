//! What the reference chapters say is what the code says.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use streembit_agent::config::{DEFAULT, SCHEMA};
use streembit_peer::exit::{Exit, HELP};
use streembit_peer::link::Link;
use streembit_peer::{message, network, session, wire};
use streembit_plugin_api::Manifest;

use super::book;

/// The rows of the chapter's tables whose first cell is code.
fn rows(file: &str) -> Vec<String> {
    let text = fs::read_to_string(book().join(file)).unwrap();
    text.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

/// Fails with the rows that the chapter should have.
fn must_have(file: &str, wanted: &[String]) {
    let found = rows(file);
    let missing: Vec<&String> = wanted.iter().filter(|row| !found.contains(row)).collect();
    assert!(missing.is_empty(), "{file} should have the rows\n{missing:#?}");
}

/// Settings of the schema with what it says of them, in its order.
fn settings(schema: &Value, key: &str, rows: &mut Vec<String>) {
    let join = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    if let Some(members) = schema["properties"].as_object() {
        for (name, member) in members {
            settings(member, &join(name), rows);
        }
    } else if schema["additionalProperties"]["properties"].is_object() {
        settings(&schema["additionalProperties"], &join("NAME"), rows);
    } else {
        let description =
            schema["description"].as_str().unwrap_or_else(|| panic!("{key} has no description"));
        let default = schema.get("default").map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
        rows.push(format!("| `{key}` | {default} | {description} |"));
    }
}

#[test]
fn every_setting_is_in_the_table_as_the_schema_has_it_and_no_other() {
    let mut wanted = Vec::new();
    settings(&serde_json::from_str(SCHEMA).unwrap(), "", &mut wanted);
    assert!(wanted.len() > 8, "{wanted:?}");
    let mut listed = String::new();
    wanted.iter().for_each(|row| writeln!(listed, "{row}").unwrap());
    assert_eq!(rows("configuration.md"), wanted, "the table should be\n{listed}");
}

#[test]
fn the_file_of_a_new_device_is_shown_as_it_is() {
    let shown = super::chapter("configuration.md").blocks.into_iter().any(|block| block.text == DEFAULT);
    assert!(shown, "configuration.md should show\n{DEFAULT}");
}

#[test]
fn every_exit_code_is_in_the_table_as_the_help_has_it() {
    let rows: Vec<String> = Exit::ALL
        .into_iter()
        .zip(HELP.lines().skip(1))
        .map(|(exit, line)| {
            let meaning = line.trim().split_once("  ").unwrap().1;
            format!("| `{}` | `{}` | {meaning} |", exit.code(), exit.name())
        })
        .collect();
    must_have("command-line.md", &rows);
}

#[test]
fn the_limits_of_the_wire_are_those_of_the_code() {
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let limits = [
        ("frame", kib(wire::MAX_FRAME)),
        ("handshake message", kib(session::MAX_HANDSHAKE)),
        ("value in a message", kib(message::MAX_VALUE)),
        ("value that follows its answer", kib(message::MAX_LONG_VALUE)),
        ("chunk of it", kib(message::long::CHUNK)),
        ("nesting of a value", format!("{} levels", message::MAX_DEPTH)),
        ("validity of a request", format!("{} s", message::MAX_VALIDITY)),
        ("unanswered requests of a session", message::MAX_OUTSTANDING.to_string()),
        ("handshake", seconds(wire::HANDSHAKE_TIMEOUT)),
        ("first message of a stranger", seconds(wire::FIRST_MESSAGE_TIMEOUT)),
        ("one write", seconds(wire::WRITE_TIMEOUT)),
        ("age of a session", seconds(session::RENEW_AFTER)),
        ("messages of a session, each way", session::RENEW_AFTER_MESSAGES.to_string()),
        ("address", format!("{} characters", network::MAX_ADDRESS_LENGTH)),
        ("addresses in a link", Link::MAX_HINTS.to_string()),
    ];
    let rows: Vec<String> = limits.iter().map(|(what, limit)| format!("| `{what}` | {limit} |")).collect();
    must_have("wire.md", &rows);
}

#[test]
fn a_plugin_gets_what_the_tutorial_says() {
    let text = fs::read_to_string(book().join("plugin.md")).unwrap();
    let manifest = text.split_once("```toml,file=lamp/plugin.toml\n").unwrap().1.split_once("```").unwrap().0;
    let limits =
        |line: &str| Manifest::parse(&format!("{manifest}\n[limits]\n{line}\n")).map(|read| read.limits);
    let said = limits("").unwrap();
    let default = (said.memory, said.cpu.as_millis(), said.deadline.as_secs(), said.host_calls_per_second);
    assert_eq!(default, (8 << 20, 50, 5, 1_000));
    for (key, most) in
        [("memory-mib", 64), ("cpu-ms", 1_000), ("deadline-ms", 60_000), ("host-calls-per-second", 20_000)]
    {
        assert!(text.contains(&format!("`{key}`")), "{key} is missing");
        assert!(
            limits(&format!("{key} = {most}")).is_ok() && limits(&format!("{key} = {}", most + 1)).is_err()
        );
    }
}

#[test]
fn the_operations_and_problems_of_the_wire_are_those_of_the_code() {
    let text = fs::read_to_string(book().join("wire.md")).unwrap();
    for operation in message::Operation::ALL {
        assert!(text.contains(&format!("`{operation}`")), "{operation} is missing");
    }
    let source = include_str!("../../../peer/src/message/response.rs");
    let codes = source.split_once("pub enum ProblemCode {").unwrap().1.split_once("\n}").unwrap().0;
    let variants = codes.lines().filter_map(|line| line.trim().strip_suffix(','));
    let mut count = 0;
    for variant in variants.filter(|line| line.chars().all(char::is_alphanumeric)) {
        let code = serde_json::from_value::<message::ProblemCode>(Value::String(kebab(variant))).unwrap();
        let row = format!("| `{}` | {code} |", kebab(variant));
        assert!(text.contains(&row), "the table should have {row}");
        count += 1;
    }
    assert!(count > 10, "the codes were not found in the source");
}

#[test]
fn every_kind_of_signature_is_in_the_wire_reference() {
    let text = fs::read_to_string(book().join("wire.md")).unwrap();
    let mut messages = String::new();
    for folder in ["agent/src", "controller/src", "peer/src"] {
        super::errors::read(&super::sources().join(folder), &mut messages);
    }
    let kinds: Vec<&str> =
        messages.split("Typ::new(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    assert!(kinds.len() > 6, "{kinds:?}");
    kinds.iter().for_each(|kind| assert!(text.contains(&format!("`{kind}`")), "{kind} is missing"));
}

fn kebab(variant: &str) -> String {
    let mut out = String::new();
    for character in variant.chars() {
        if character.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(character.to_lowercase());
    }
    out
}
