//! Values from outside: JSON text of bounded size and depth.

use serde_json::Value;

use super::{MAX_DEPTH, MAX_VALUE};

/// Why a text is not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Longer than it may be here.
    #[error("the value is longer than {} KiB", max / 1024)]
    TooLong {
        /// The longest one, in bytes.
        max: usize,
    },
    /// A long one is made of more values than a reader should have to hold.
    #[error("the value is made of more than {} values", super::MAX_LONG_PARTS)]
    TooMany,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the value is nested deeper than 32 levels")]
    TooDeep,
    /// Not JSON.
    #[error("the value is not JSON")]
    NotJson,
}

/// Parses a value within the limits of a message.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    parse_within(text, MAX_VALUE)
}

/// Parses a value of at most `max` bytes.
pub(super) fn parse_within(text: &[u8], max: usize) -> Result<Value, JsonError> {
    if text.len() > max {
        return Err(JsonError::TooLong { max });
    }
    if !depth_within(text, MAX_DEPTH) {
        return Err(JsonError::TooDeep);
    }
    serde_json::from_slice(text).map_err(|_| JsonError::NotJson)
}

/// Writes a value if it keeps the limits of a message.
pub fn write(value: &Value) -> Result<String, JsonError> {
    // Writing recurses too, so depth comes first.
    check_depth(value)?;
    let text = value.to_string();
    if text.len() > MAX_VALUE { Err(JsonError::TooLong { max: MAX_VALUE }) } else { Ok(text) }
}

/// Refuses a value that is nested too deep.
pub(super) fn check_depth(value: &Value) -> Result<(), JsonError> {
    if depth(value, MAX_DEPTH) > MAX_DEPTH { Err(JsonError::TooDeep) } else { Ok(()) }
}

/// Whether arrays and objects in this JSON text are nested at most `max` deep. The text need not be valid.
pub fn depth_within(text: &[u8], max: usize) -> bool {
    let mut depth = 0usize;
    structure(text).all(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= max
    })
}

/// Whether this JSON text holds at most `max` values, those within others included. The text need not be valid.
pub(super) fn parts_within(text: &[u8], max: usize) -> bool {
    // Each value but the first stands behind a comma or an opening bracket; an empty array or object counts for two.
    structure(text).filter(|byte| matches!(byte, b',' | b'[' | b'{')).take(max).count() < max
}

/// The bytes of a JSON text that are not within a string.
fn structure(text: &[u8]) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    text.iter().copied().filter(move |byte| {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            _ => return !in_string,
        }
        false
    })
}

/// How deep a value is nested, counted up to one more than `limit`.
fn depth(value: &Value, limit: usize) -> usize {
    let deepest = |inner: &mut dyn Iterator<Item = &Value>| match limit.checked_sub(1) {
        Some(left) => 1 + inner.map(|value| depth(value, left)).max().unwrap_or(0),
        None => 1,
    };
    match value {
        Value::Array(items) => deepest(&mut items.iter()),
        Value::Object(members) => deepest(&mut members.values()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_has_a_limit_both_ways() {
        let allowed = parse(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert_eq!(write(&allowed), Ok(nested(MAX_DEPTH)));
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(write(&serde_json::json!({ "a": allowed })), Err(JsonError::TooDeep));
    }

    #[test]
    fn length_has_a_limit_both_ways() {
        let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let allowed = parse(text(MAX_VALUE).as_bytes()).unwrap();
        assert_eq!(write(&allowed).map(|text| text.len()), Ok(MAX_VALUE));
        let too_long = JsonError::TooLong { max: MAX_VALUE };
        assert_eq!(parse(text(MAX_VALUE + 1).as_bytes()), Err(too_long));
        assert_eq!(write(&Value::String("x".repeat(MAX_VALUE - 1))), Err(too_long));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = serde_json::to_string(&format!("\\\"{}", nested(100))).unwrap();
        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn the_values_within_a_text_are_counted_and_commas_in_strings_are_not() {
        assert!(parts_within(br#"[1,2,",,[[{,"]"#, 4));
        assert!(!parts_within(b"[1,2,3]", 3));
        assert!(parts_within(b"7", 1) && !parts_within(b"7", 0));
        assert!(parts_within(br#"{"a":{"b":1}}"#, 3) && !parts_within(br#"{"a":{"b":1}}"#, 2));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn text_and_value_agree_on_depth(open in 0usize..40) {
            let text = nested(open);
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            prop_assert_eq!(depth_within(text.as_bytes(), MAX_DEPTH), depth(&value, MAX_DEPTH) <= MAX_DEPTH);
        }
    }
}
