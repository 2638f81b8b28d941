//! All settings as they are in force, with what the file leaves to its default.

use std::num::{NonZeroU32, NonZeroU64};

use serde_json::Value;

use super::{Config, Journal};

impl Config {
    /// Every setting that has a value, by its key as in the file.
    pub fn effective(&self) -> Value {
        let said = self.journal.settings();
        let megabytes = u32::try_from(said.max_bytes >> 20).unwrap_or(u32::MAX);
        let journal = Journal {
            reads: Some(said.reads),
            max_entries: NonZeroU64::new(said.max_entries),
            max_megabytes: NonZeroU32::new(megabytes),
            keep_days: self.journal.keep_days,
        };
        // String keys only: it always serialises.
        serde_json::to_value(Self { journal, ..self.clone() }).unwrap_or_default()
    }

    /// One of them, by a key such as `network.mdns`; `None` where nothing is set, or no such key is known.
    pub fn get(&self, key: &str) -> Option<Value> {
        let path = toml_edit::Key::parse(key).ok()?;
        let mut value = &self.effective();
        for key in &path {
            value = value.get(key.get())?;
        }
        Some(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_file_leaves_out_has_its_default() {
        let config = Config::parse("[network]\nmdns = false\n").unwrap();
        assert_eq!(config.get("network.mdns"), Some(json!(false)));
        assert_eq!(config.get("network.listen"), Config::default().get("network.listen"));
        assert_eq!(config.get("journal.reads"), Some(json!(true)));
        assert_eq!(config.get("journal.max-entries"), Some(json!(2_000_000)));
        for nothing in ["name", "journal.keep-days", "nonsense", "network.mdns.x", "", "[", "network..mdns"] {
            assert_eq!(config.get(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_shown_is_a_config_file_that_says_the_same() {
        let config = Config::parse(
            "name = \"Garage\"\n[plugins.door]\ncomponent = \"/x.wasm\"\nsettings = { pulse-ms = 20 }\n\
             [plugins.door.grants]\nopen = \"gpiochip0 line 4, output, safe state off\"\n",
        )
        .unwrap();
        let shown = toml::to_string(&config.effective()).unwrap();
        let again = Config::parse(&shown).unwrap();
        assert_eq!(again.effective(), config.effective());
        assert_eq!(config.get("plugins.door.component"), Some(json!("/x.wasm")));
    }
}
