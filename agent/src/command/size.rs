//! How much a kept value takes.

use std::io;

use serde_json::Value;

/// The bytes of a value as JSON, which is about what it takes in memory too.
pub(super) fn size(value: &Value) -> usize {
    let mut counted = Counted(0);
    // Counting fails for no value.
    let _ = serde_json::to_writer(&mut counted, value);
    counted.0
}

/// A writer that keeps only the length.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_as_long_as_its_text() {
        for value in [json!(null), json!("ä"), json!({ "a": [1, 2.5, "x\n"] })] {
            assert_eq!(size(&value), value.to_string().len(), "{value}");
        }
    }
}
