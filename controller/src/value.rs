//! The values that people type: JSON, or a bare word where the schema says string.

use std::io::Read;

use serde_json::Value;

use crate::error::{Failure, Outcome};

/// Longest value that is read from standard input or a file: what a message may carry.
const MAX_BYTES: u64 = 64 * 1024;

/// Turns what was typed into the JSON value that `schema` wants.
///
/// Where the schema says string, a bare word is that string, also when it looks like a number; text in quotes loses
/// them. Where the schema also allows something else, what parses as JSON is JSON. `-` reads the value from `stdin`,
/// as does the text of `@FILE` from that file.
pub fn parse(typed: &str, schema: Option<&Value>, stdin: &mut dyn Read) -> Outcome<Value> {
    let read;
    let typed = match typed.strip_prefix('@') {
        Some(path) => {
            let mut file = std::fs::File::open(path)
                .map_err(|e| Failure::invalid(format!("Cannot read the value from {path}: {e}.")))?;
            read = read_bounded(&mut file)?;
            read.as_str()
        }
        None if typed == "-" => {
            read = read_bounded(stdin)?;
            read.as_str()
        }
        None => typed,
    };
    match Strings::of(schema) {
        // `"open"` with its quotes is the string in them; everything else is the string itself.
        Strings::Only => Ok(match serde_json::from_str(typed) {
            Ok(Value::String(text)) => Value::String(text),
            _ => Value::String(typed.to_owned()),
        }),
        Strings::Too => Ok(serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned()))),
        Strings::No => serde_json::from_str(typed).map_err(|_| not_json(typed, schema)),
    }
}

fn not_json(typed: &str, schema: Option<&Value>) -> Failure {
    let wanted = schema.and_then(|s| s.get("type")).and_then(Value::as_str);
    let shown: String = typed.chars().take(60).collect();
    match wanted {
        Some(kind) => {
            Failure::invalid(format!("`{shown}` is not {}.", article(kind))).or(example(kind).to_owned())
        }
        None => Failure::invalid(format!("`{shown}` is not JSON."))
            .or("Write a number, true, false, a \"string\" in double quotes, a list or an object."),
    }
}

fn article(kind: &str) -> String {
    match kind {
        "integer" | "object" | "array" => format!("an {kind}"),
        other => format!("a {other}"),
    }
}

fn example(kind: &str) -> &'static str {
    match kind {
        "boolean" => "Write true or false.",
        "integer" => "Write it like 42.",
        "number" => "Write it like 21.5.",
        "array" => "Write it in JSON, like '[1, 2]'.",
        "object" => "Write it in JSON, like '{\"name\": 1}'.",
        "null" => "Write null.",
        _ => "`streembit td` shows the schema.",
    }
}

/// Whether a schema takes strings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Only,
    Too,
    No,
}

impl Strings {
    fn of(schema: Option<&Value>) -> Strings {
        let Some(schema) = schema else { return Strings::No };
        if let Some(kind) = schema.get("type") {
            return match kind {
                Value::String(kind) if kind == "string" => Strings::Only,
                Value::Array(kinds) if kinds.iter().all(|k| k == "string") => Strings::Only,
                Value::Array(kinds) if kinds.iter().any(|k| k == "string") => Strings::Too,
                _ => Strings::No,
            };
        }
        if let Some(constant) = schema.get("const") {
            return if constant.is_string() { Strings::Only } else { Strings::No };
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Self::both(values.iter().map(Value::is_string));
        }
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            let mut kinds = branches.iter().map(|branch| Strings::of(Some(branch)));
            let Some(first) = kinds.next() else { return Strings::No };
            return kinds.fold(first, |all, kind| if all == kind { all } else { Strings::Too });
        }
        Strings::No
    }

    fn both(mut are_strings: impl Iterator<Item = bool>) -> Strings {
        let Some(first) = are_strings.next() else { return Strings::No };
        match (first, are_strings.all(|is| is == first)) {
            (true, true) => Strings::Only,
            (false, true) => Strings::No,
            (_, false) => Strings::Too,
        }
    }
}

fn read_bounded(source: &mut dyn Read) -> Outcome<String> {
    let mut text = String::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|e| Failure::invalid(format!("Cannot read the value: {e}.")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Failure::invalid("The value is longer than 64 KiB, which is what a message may carry."));
    }
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(typed: &str, schema: Value) -> Outcome<Value> {
        parse(typed, Some(&schema), &mut std::io::empty())
    }

    #[test]
    fn a_bare_word_is_a_string_where_the_schema_says_string() {
        let string = json!({"type": "string"});
        for (typed, value) in [
            ("open", "open"),
            ("\"open\"", "open"),
            ("42", "42"),
            ("true", "true"),
            ("half open", "half open"),
        ] {
            assert_eq!(parsed(typed, string.clone()), Ok(json!(value)), "{typed}");
        }
        assert_eq!(parsed("slow", json!({"enum": ["slow", "fast"]})), Ok(json!("slow")));
        assert_eq!(parsed("7", json!({"const": "7"})), Ok(json!("7")));
    }

    #[test]
    fn where_both_are_allowed_json_comes_first() {
        let either = json!({"oneOf": [{"type": "string"}, {"type": "number"}]});
        assert_eq!(parsed("42", either.clone()), Ok(json!(42)));
        assert_eq!(parsed("auto", either), Ok(json!("auto")));
        assert_eq!(parsed("auto", json!({"enum": ["auto", 1]})), Ok(json!("auto")));
        assert_eq!(parsed("1", json!({"enum": ["auto", 1]})), Ok(json!(1)));
    }

    #[test]
    fn a_bare_word_is_refused_where_a_number_is_wanted() {
        let failure = parsed("fast", json!({"type": "integer"})).unwrap_err();
        assert_eq!(failure.to_string(), "`fast` is not an integer. Write it like 42.");
        assert_eq!(failure.exit, crate::error::Exit::InvalidInput);
        assert!(parse("fast", None, &mut std::io::empty()).is_err(), "no schema: JSON only");
    }

    #[test]
    fn standard_input_is_read_and_bounded() {
        let schema = json!({"type": "string"});
        let mut stdin: &[u8] = b"from a pipe\n";
        assert_eq!(parse("-", Some(&schema), &mut stdin), Ok(json!("from a pipe")));
        let mut flood = std::io::repeat(b'x');
        assert!(parse("-", Some(&schema), &mut flood).unwrap_err().message.contains("64 KiB"));
    }
}
