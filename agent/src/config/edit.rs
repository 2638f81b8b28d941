//! Changes of one setting in the file's text, which leave everything else in it as it is.

use toml_edit::{DocumentMut, Entry, Item, Key, Table, TableLike, Value};

use super::{Config, ConfigError};

/// Why a setting was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is wrong as it is.
    #[error(transparent)]
    File(ConfigError),
    /// With this value it would be.
    #[error("`{key}` cannot be set to that: {why}")]
    Value {
        /// The setting.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// Not the name of a setting.
    #[error("`{0}` is no setting: a key looks like `network.mdns`")]
    Key(String),
}

/// The text with one setting changed. `value` is TOML (`true`, `5`, `["a", "b"]`); a bare word is taken as a string.
pub fn set(text: &str, key: &str, value: &str) -> Result<String, EditError> {
    let (mut document, path) = open(text, key)?;
    let (name, tables) = path.split_last().ok_or_else(|| EditError::Key(key.to_owned()))?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for step in tables {
        let below = table.entry_format(step).or_insert_with(|| {
            let mut below = Table::new();
            // A table that only leads to another needs no header of its own.
            below.set_implicit(true);
            Item::Table(below)
        });
        table = below.as_table_like_mut().ok_or_else(|| EditError::Key(key.to_owned()))?;
    }
    let mut value = value.parse().unwrap_or_else(|_| Value::from(value));
    let old = table.get(name.get()).and_then(Item::as_value);
    if let Some(old) = old {
        // With the comment behind it, and the spaces before.
        *value.decor_mut() = old.decor().clone();
    }
    match table.entry_format(name) {
        Entry::Occupied(mut place) => drop(place.insert(Item::Value(value))),
        Entry::Vacant(place) => drop(place.insert(Item::Value(value))),
    }
    close(&document, key)
}

/// The text without one setting, which then has its default.
pub fn unset(text: &str, key: &str) -> Result<String, EditError> {
    let (mut document, path) = open(text, key)?;
    let (name, tables) = path.split_last().ok_or_else(|| EditError::Key(key.to_owned()))?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for step in tables {
        let Some(below) = table.get_mut(step.get()) else { return Ok(text.to_owned()) };
        table = below.as_table_like_mut().ok_or_else(|| EditError::Key(key.to_owned()))?;
    }
    table.remove(name.get());
    close(&document, key)
}

/// A file that is wrong already is mended by hand: what is to be changed in it would only be guessed.
fn open(text: &str, key: &str) -> Result<(DocumentMut, Vec<Key>), EditError> {
    Config::parse(text).map_err(EditError::File)?;
    let path = Key::parse(key).map_err(|_| EditError::Key(key.to_owned()))?;
    let document = text.parse().map_err(|error| EditError::Value {
        key: key.to_owned(),
        why: toml_edit::TomlError::to_string(&error),
    })?;
    Ok((document, path))
}

/// What was changed must be a config still.
fn close(document: &DocumentMut, key: &str) -> Result<String, EditError> {
    let text = document.to_string();
    match Config::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(EditError::Value { key: key.to_owned(), why: error.message().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT;
    use super::*;

    #[test]
    fn a_setting_changes_and_its_surroundings_stay() {
        let changed = set(DEFAULT, "network.mdns", "false").unwrap();
        assert_eq!(changed, DEFAULT.replace("mdns = true", "mdns = false"));
        assert!(!Config::parse(&changed).unwrap().network.mdns);

        let commented = "[network]\nmdns = true # for the time being\n";
        assert_eq!(
            set(commented, "network.mdns", "false").unwrap(),
            "[network]\nmdns = false # for the time being\n"
        );
    }

    #[test]
    fn new_settings_find_their_table() {
        let text = set(DEFAULT, "name", "Garage").unwrap();
        assert_eq!(Config::parse(&text).unwrap().name.as_deref(), Some("Garage"));
        let text = set(&text, "journal.keep-days", "30").unwrap();
        assert_eq!(Config::parse(&text).unwrap().journal.keep_days.unwrap().get(), 30);
        let text = set(&text, "plugins.door", "{ component = \"/x.wasm\" }").unwrap();
        let text = set(&text, "plugins.door.grants.open", "gpiochip0 line 4, output").unwrap();
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.plugins.values().next().unwrap().grants.len(), 1);
        assert!(text.contains("# What people call this device."), "the comments are there still");
    }

    #[test]
    fn a_list_is_written_as_toml_has_it() {
        let text = set(DEFAULT, "network.listen", "[\"/ip4/127.0.0.1/tcp/0\"]").unwrap();
        assert_eq!(Config::parse(&text).unwrap().network.listen.len(), 1);
    }

    #[test]
    fn what_would_be_wrong_is_not_set() {
        for (key, value, why) in [
            ("network.mdns", "maybe", "boolean"),
            ("network.nonsense", "1", "unknown field"),
            ("nonsense", "1", "unknown field"),
            ("network.listen", "[\"here\"]", ""),
            ("plugins.device.component", "/x.wasm", "device itself"),
            ("journal.max-entries", "0", "nonzero"),
        ] {
            let error = set(DEFAULT, key, value).unwrap_err();
            assert!(
                matches!(&error, EditError::Value { why: said, .. } if said.contains(why)),
                "{key}: {error}"
            );
        }
        for key in ["", "network.", "a b", "network.mdns.on", "["] {
            assert!(matches!(set(DEFAULT, key, "true"), Err(EditError::Key(_))), "{key}");
        }
        assert!(matches!(set("nmae = 1\n", "name", "x"), Err(EditError::File(_))));
    }

    #[test]
    fn a_setting_that_is_taken_out_has_its_default_again() {
        let set = set(DEFAULT, "journal.keep-days", "30").unwrap();
        let unset = unset(&set, "journal.keep-days").unwrap();
        assert_eq!(Config::parse(&unset).unwrap(), Config::default());
        assert_eq!(super::unset(DEFAULT, "plugins.door.group").unwrap(), DEFAULT);
    }
}
