//! The error texts of the troubleshooting chapter are ones that the programs can print.
//!
//! A heading of the chapter that begins with a backtick is an error text. It must be in the source as a message: a
//! placeholder of the message is `…` in the heading, and the beginning may be a capital.

use std::fs;
use std::path::Path;

use super::{chapter, sources};

/// What may print an error.
const PROGRAMS: [&str; 6] =
    ["agent/src", "controller/src", "keys/src", "peer/src", "plugin-api/src", "plugin-host"];

/// A chapter with fewer has lost some.
const FEWEST: usize = 20;

#[test]
fn every_error_text_is_one_that_a_program_prints() {
    let mut messages = String::new();
    for folder in PROGRAMS {
        read(&sources().join(folder), &mut messages);
    }
    let messages = as_headings(&messages);
    let text = fs::read_to_string(super::book().join("troubleshooting.md")).unwrap();
    let headings = chapter("troubleshooting.md").headings;
    let errors: Vec<&String> = headings.iter().filter(|heading| is_error(&text, heading)).collect();
    assert!(errors.len() >= FEWEST, "{errors:?}");
    let unknown: Vec<_> = errors.iter().filter(|error| !is_said(&messages, error)).collect();
    assert!(unknown.is_empty(), "no program says {unknown:#?}");
}

/// Whether the whole heading is code.
fn is_error(text: &str, heading: &str) -> bool {
    text.contains(&format!("`` {heading} ``")) || text.contains(&format!("`{heading}`"))
}

fn is_said(messages: &str, error: &str) -> bool {
    let Some(first) = error.chars().next() else { return false };
    let rest = &error[first.len_utf8()..];
    let small: String = first.to_lowercase().collect();
    messages.contains(error) || messages.contains(&(small + rest))
}

/// Every source file that is no test, without its tests.
pub(super) fn read(folder: &Path, messages: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            read(&path, messages);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            messages.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

/// The source with `…` for each placeholder, escapes as they are printed, and broken literals in one piece.
fn as_headings(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '{']) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        rest = if rest[at..].starts_with('{') {
            match after.split_once('}') {
                Some((inner, after)) if is_placeholder(inner) => {
                    out.push('…');
                    after
                }
                _ => {
                    out.push('{');
                    after
                }
            }
        } else if let Some(line) = after.strip_prefix('\n') {
            line.trim_start()
        } else {
            after
        };
    }
    out.push_str(rest);
    out
}

fn is_placeholder(inner: &str) -> bool {
    inner.len() < 40 && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '?' | '#' | '.'))
}

#[test]
fn a_text_is_found_as_it_is_written_in_the_source() {
    let messages = as_headings("(\"there is no contact `{contact}`\") (\"a \\\n   b {0:?}\") x { y }");
    assert!(is_said(&messages, "There is no contact `…`"));
    assert!(is_said(&messages, "a b …"));
    assert!(!is_said(&messages, "there is no person"));
}
