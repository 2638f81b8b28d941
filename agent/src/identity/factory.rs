//! What the factory wrote on the device.

use serde::{Deserialize, Serialize};

/// Longest factory file: three short texts.
pub(super) const MAX_FILE: u64 = 4096;

/// Longest of the texts, in bytes.
const MAX_TEXT: usize = 128;

/// Manufacturer, model and serial number, as far as the factory wrote them.
///
/// As a file: `{"manufacturer": "Example Doors Ltd", "model": "GD-2", "serial": "0001234"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factory {
    /// Who made the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// The file is not what a factory writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a factory file ({0}): write it like {{\"manufacturer\": \"…\", \"model\": \"…\", \"serial\": \"…\"}}"
)]
pub struct BadFactory(String);

impl Factory {
    /// Reads the file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadFactory> {
        // A derived struct would also be read from a JSON array.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(BadFactory("not a JSON object".to_owned()));
        }
        let factory: Self = serde_json::from_slice(bytes).map_err(|error| BadFactory(error.to_string()))?;
        for (name, text) in
            [("manufacturer", &factory.manufacturer), ("model", &factory.model), ("serial", &factory.serial)]
        {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                let rule = format!("`{name}` must be one line of 1 to {MAX_TEXT} bytes");
                return Err(BadFactory(rule));
            }
        }
        Ok(factory)
    }
}
