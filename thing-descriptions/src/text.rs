use serde_json::Value;

use crate::json::{self, Limits};
use crate::{DataSchema, Invalid};

/// Takes what a person typed as a value of the schema: a bare word is a string where the schema says string (so that
/// `1234` is a PIN and not a number), everything else is JSON.
///
/// Where a string is wanted, text in double quotes is read as a JSON string, which is how one writes an empty string
/// or a line break. Where the schema leaves the type open, JSON goes first and a bare word second.
pub fn value_from_text(schema: &DataSchema, text: &str) -> Result<Value, Invalid> {
    let bare = || Value::String(text.to_owned());
    let value = if schema.type_name() == Some("string") {
        match quoted(text) {
            Some(value) => value,
            None => bare(),
        }
    } else {
        match json::parse(text.as_bytes(), Limits::VALUE) {
            Ok(value) if schema.check(&value).is_ok() => value,
            // `oneOf` may have a branch that is a string.
            _ if schema.type_name().is_none() && schema.check(&bare()).is_ok() => bare(),
            Ok(value) => value,
            Err(invalid) => return Err(expected(schema, invalid)),
        }
    };
    schema.check(&value)?;
    Ok(value)
}

fn quoted(text: &str) -> Option<Value> {
    let looks_quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    looks_quoted.then(|| json::parse(text.as_bytes(), Limits::VALUE).ok()).flatten()
}

/// A person who typed `opn` for a number is helped more by the type than by a JSON parser's complaint.
fn expected(schema: &DataSchema, invalid: Invalid) -> Invalid {
    match schema.type_name() {
        Some(name) if invalid.rule == "json" => {
            Invalid::new("", "type", format!("JSON of type {name} is needed"))
        }
        _ => invalid,
    }
}
