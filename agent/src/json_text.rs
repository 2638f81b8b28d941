//! A JSON value as its text.
//!
//! A parsed value takes up to 123 times the memory of its text: a list of numbers 36 times, one of lists in lists the most.
//! So whatever waits for somebody waits as text, of which it is known how long it is.

use std::sync::Arc;

use serde_json::Value;

/// The text of a value, which was looked at: it is JSON. A clone shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// Takes a text that is JSON.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        // Parsed and let go again, because what only skips over a value lets through what cannot be parsed later.
        serde_json::from_str::<Value>(text)?;
        Ok(Self(text.into()))
    }

    /// The value. Only for as long as somebody looks at it.
    pub fn value(&self) -> Value {
        // It could be parsed before.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Bytes of the text.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl From<&Value> for JsonText {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_the_same_after_its_time_as_text() {
        for value in [json!(null), json!("ä\n"), json!(0.1), json!({ "b": [1, 2.5, "x"], "a": {} })] {
            let text = JsonText::from(&value);
            assert_eq!((text.value(), text.size()), (value.clone(), value.to_string().len()));
            assert_eq!(JsonText::parse(&value.to_string()).unwrap(), text);
        }
    }

    #[test]
    fn what_could_not_be_parsed_later_is_not_taken() {
        let deep = "[".repeat(1_000) + &"]".repeat(1_000);
        for text in ["", "nonsense", "1 2", "1e999", r#""\ud800""#, &deep] {
            assert!(JsonText::parse(text).is_err(), "{text}");
        }
    }
}
