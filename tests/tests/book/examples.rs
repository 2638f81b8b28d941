//! The examples in the programs' help can be typed: their words are right, and what they name of the door it has.

use std::fs;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _};
use streembit_plugin_api::Manifest;

/// The examples of a command and of all below it: lines that begin, indented, with the program's name.
fn examples(program: &str, command: &Command, found: &mut Vec<String>) {
    let help = [command.get_after_help(), command.get_after_long_help()];
    for text in help.into_iter().flatten() {
        let text = text.to_string();
        let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
        found.extend(lines.filter(|line| line.starts_with(&format!("{program} "))).map(str::to_owned));
    }
    command.get_subcommands().for_each(|below| examples(program, below, found));
}

/// What a shell makes of an example: words in single or double quotes are one; what is behind two spaces says what it does;
/// what comes from or goes into a file or another program is not the command's.
fn words(example: &str) -> Vec<String> {
    let command = example.split("  ").next().unwrap();
    let command = command.split([';', '&', '|', '<', '>']).next().unwrap();
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn examples_of(program: &str, command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    examples(program, command, &mut found);
    assert!(found.len() > 10, "{program}: {found:?}");
    found
}

fn all_can_be_typed(program: &str, command: &Command) -> Vec<String> {
    let found = examples_of(program, command);
    for example in &found {
        let Err(error) = command.clone().try_get_matches_from(words(example)) else { continue };
        // A value that is shown in part cannot be right.
        let right = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::ValueValidation => example.contains('…'),
            _ => false,
        };
        assert!(right, "{example}\n{error}");
    }
    found
}

#[test]
fn the_examples_of_a_person_can_be_typed_and_the_door_has_what_they_name() {
    let found = all_can_be_typed("streembit", &streembit_controller::cli::Cli::command());
    let manifest = fs::read_to_string(super::sources().join("plugins/gpio-switch/plugin.toml")).unwrap();
    let door = Manifest::parse(&manifest).unwrap().thing_model;
    let mut checked = 0;
    for example in &found {
        let words = words(example);
        let Some(name) = words.iter().find_map(|word| word.strip_prefix("garage/door/")) else { continue };
        let has = |kind: &str| door[kind].get(name).is_some();
        let right = match words[1].as_str() {
            "read" | "observe" => has("properties"),
            "write" => has("properties") && door["properties"][name]["readOnly"] != true,
            "invoke" => has("actions"),
            "subscribe" => has("events"),
            _ => has("properties") || has("actions") || has("events"),
        };
        assert!(right, "gpio-switch has no such thing: {example}");
        checked += 1;
    }
    assert!(checked > 3, "{found:?}");
}

#[test]
fn the_examples_of_a_device_can_be_typed() {
    all_can_be_typed("streembit-agent", &streembit_agent::cli::Cli::command());
}
