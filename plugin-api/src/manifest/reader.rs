//! Reads TOML piece by piece, so that every error can name the line and the key.

use std::ops::{Range, RangeInclusive};

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::Name;

/// Deepest nesting of the Thing Model; deeper than any data schema that the agent accepts.
const MAX_DEPTH: usize = 32;

/// What is wrong with a manifest, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), key_prefix(key))]
pub struct ManifestError {
    /// Line in the text, from 1.
    pub line: Option<usize>,
    /// The key's path, such as `resources.open.kind`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

impl ManifestError {
    pub(super) fn document(message: String) -> Self {
        Self { line: None, key: String::new(), message }
    }
}

/// A table whose keys are taken one after the other; what is left in the end is an error.
pub(super) struct Table<'a> {
    text: &'a str,
    path: String,
    span: Range<usize>,
    items: Vec<Item<'a>>,
}

/// One key with its value.
pub(super) struct Item<'a> {
    text: &'a str,
    path: String,
    key: String,
    span: Range<usize>,
    value: DeValue<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ManifestError> {
        let table = DeTable::parse(text).map_err(|error| ManifestError {
            line: error.span().map(|span| line_of(text, span.start)),
            key: String::new(),
            message: error.message().to_owned(),
        })?;
        Ok(Self::new(text, String::new(), table.span(), table.into_inner()))
    }

    fn new(text: &'a str, path: String, span: Range<usize>, table: DeTable<'a>) -> Self {
        let items = table.into_iter().map(|(key, value)| {
            let span = key.span();
            let key = key.into_inner().into_owned();
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            Item { text, path, key, span, value: value.into_inner() }
        });
        let items = items.collect();
        Self { text, path, span, items }
    }

    pub(super) fn optional(&mut self, key: &str) -> Option<Item<'a>> {
        let index = self.items.iter().position(|item| item.key == key)?;
        Some(self.items.swap_remove(index))
    }

    pub(super) fn required(&mut self, key: &str) -> Result<Item<'a>, ManifestError> {
        self.optional(key).ok_or_else(|| ManifestError {
            line: Some(line_of(self.text, self.span.start)),
            key: self.path.clone(),
            message: format!("the key `{key}` is missing"),
        })
    }

    pub(super) fn into_items(mut self) -> Vec<Item<'a>> {
        // In the order of the text, so that the first error is the one that a reader meets first.
        self.items.sort_by_key(|item| item.span.start);
        self.items
    }

    /// Everything that may be there was taken: what is left is a mistake, and silence would hide a typing error.
    pub(super) fn finish(self) -> Result<(), ManifestError> {
        match self.into_items().first() {
            Some(item) => Err(item.error("unknown key".to_owned())),
            None => Ok(()),
        }
    }
}

impl<'a> Item<'a> {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn error(&self, message: String) -> ManifestError {
        // Keys come from outside: an error stays readable whatever they are.
        let key = self.path.chars().take(200).collect();
        ManifestError { line: Some(line_of(self.text, self.span.start)), key, message }
    }

    pub(super) fn table(self) -> Result<Table<'a>, ManifestError> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.text, self.path, self.span, table)),
            _ => Err(self.error("must be a table".to_owned())),
        }
    }

    /// A text of 1 to `max` bytes without control characters.
    pub(super) fn string(&self, max: usize) -> Result<String, ManifestError> {
        match &self.value {
            DeValue::String(text)
                if (1..=max).contains(&text.len()) && !text.chars().any(char::is_control) =>
            {
                Ok(text.to_string())
            }
            _ => Err(self.error(format!("must be a text of 1 to {max} bytes, on one line"))),
        }
    }

    pub(super) fn name(&self) -> Result<Name, ManifestError> {
        self.string(64)?.parse().map_err(|error| self.error(format!("{error}")))
    }

    pub(super) fn boolean(&self) -> Result<bool, ManifestError> {
        self.value.as_bool().ok_or_else(|| self.error("must be true or false".to_owned()))
    }

    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, ManifestError> {
        let number = self.value.as_integer();
        let number = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.error(format!("must be a number from {} to {}", range.start(), range.end())))
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ManifestError> {
        let text = self.value.as_str().unwrap_or_default();
        choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.error(format!("must be one of {}", names.join(", ")))
        })
    }

    pub(super) fn json_object(self) -> Result<Value, ManifestError> {
        if !self.value.is_table() {
            return Err(self.error("must be a table".to_owned()));
        }
        to_json(&self, &self.value, MAX_DEPTH)
    }
}

fn to_json(item: &Item<'_>, value: &DeValue<'_>, depth: usize) -> Result<Value, ManifestError> {
    if depth == 0 {
        return Err(item.error(format!("nested deeper than {MAX_DEPTH}")));
    }
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Integer(n) => {
            let number = i64::from_str_radix(n.as_str(), n.radix());
            Value::from(number.map_err(|_| item.error(format!("{n} does not fit 64 bits")))?)
        }
        DeValue::Float(n) => {
            let number = n.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            Value::Number(number.ok_or_else(|| item.error(format!("JSON has no number {n}")))?)
        }
        DeValue::Datetime(_) => return Err(item.error("JSON has no dates: write it as a text".to_owned())),
        DeValue::Array(values) => Value::Array(
            values.iter().map(|v| to_json(item, v.get_ref(), depth - 1)).collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => {
            let mut object = serde_json::Map::new();
            for (key, value) in table {
                let inner = Item {
                    text: item.text,
                    path: format!("{}.{}", item.path, key.get_ref()),
                    key: String::new(),
                    span: key.span(),
                    value: DeValue::Boolean(false),
                };
                object.insert(key.get_ref().to_string(), to_json(&inner, value.get_ref(), depth - 1)?);
            }
            Value::Object(object)
        }
    })
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
