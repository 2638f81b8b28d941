//! What is wrong in the config file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use streembit_keys::files::FileError;

/// What is wrong in the config file: the line, the key, and why.
#[derive(Debug)]
pub struct ConfigError {
    path: Option<PathBuf>,
    place: Option<Place>,
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    key: Option<String>,
}

impl ConfigError {
    /// The line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The key with the tables that it lies in, such as `network.listen`.
    pub fn key(&self) -> Option<&str> {
        self.place.as_ref().and_then(|place| place.key.as_deref())
    }

    /// What is wrong there.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn at(text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map(|span| Place::find(text, span.start));
        // The rest of a serde message lists alternatives on the same line: one line is what a log wants.
        Self { path: None, place, message: error.message().replace('\n', ", ") }
    }

    pub(super) fn here(text: &str, offset: usize, message: String) -> Self {
        Self { path: None, place: Some(Place::find(text, offset)), message }
    }

    pub(super) fn not_text(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), place: None, message: "not UTF-8 text".to_owned() }
    }

    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

impl Place {
    fn find(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        Self { line, column, key: key_at(text, line) }
    }
}

/// The key that a line sets or a value on it belongs to: the nearest `key =` at or above the line, below the nearest
/// table header. Good enough to point at; the line number is exact.
fn key_at(text: &str, line: usize) -> Option<String> {
    let above: Vec<&str> = text.lines().take(line).collect();
    let header = |line: &str| {
        let inner = line.trim().strip_prefix('[')?;
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        let (name, rest) = inner.split_once(']')?;
        // A list over several lines has lines that begin like a header.
        let is_header = !name.contains(['"', ',']) && matches!(rest.trim_start_matches(']').trim(), "" | "#");
        is_header.then(|| name.trim().to_owned())
    };
    let key = |line: &str| {
        let (name, _) = line.split_once('=')?;
        let name = name.trim().trim_matches('"');
        let is_key = !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
        is_key.then(|| name.to_owned())
    };
    let mut found = None;
    for line in above.iter().rev() {
        if let Some(table) = header(line) {
            return Some(match found {
                Some(key) => format!("{table}.{key}"),
                None => table,
            });
        }
        if found.is_none() {
            found = key(line);
        }
    }
    found
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}", path.display())?;
        }
        if let Some(Place { line, column, key }) = &self.place {
            let lead = if self.path.is_some() { ", " } else { "" };
            write!(f, "{lead}line {line}, column {column}")?;
            if let Some(key) = key {
                write!(f, ", key `{key}`")?;
            }
        }
        let lead = if self.path.is_some() || self.place.is_some() { ": " } else { "" };
        write!(f, "{lead}{}", self.message)
    }
}

impl std::error::Error for ConfigError {}

impl From<FileError> for ConfigError {
    fn from(error: FileError) -> Self {
        Self { path: None, place: None, message: error.to_string() }
    }
}
