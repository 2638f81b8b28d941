//! JSON from outside, under limits, refusing what two readers could understand differently.
//!
//! `serde_json` on its own takes the last of two equal keys in silence and nests 128 deep; both are how a checker and
//! the one who acts come to disagree.

use std::cell::{Cell, RefCell};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Invalid;
use crate::pointer::Place;

/// How much JSON is taken.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Objects and arrays inside each other.
    pub depth: usize,
    /// Values in all, members of objects and arrays included. Bounds the memory, of which a value takes up to fifty
    /// times its text.
    pub values: usize,
}

impl Limits {
    /// A Thing Description or Thing Model: the largest that are in use are about 60 KiB, and nest 12 deep.
    pub const DOCUMENT: Self = Self { bytes: 256 * 1024, depth: 32, values: 16 * 1024 };
    /// A value that travels to or from a Thing: what one message may carry.
    pub const VALUE: Self = Self { bytes: 64 * 1024, depth: 32, values: 16 * 1024 };
}

/// Reads one JSON text. Equal keys in an object, anything after the value, and numbers beyond a double are refused.
pub fn parse(text: &[u8], limits: Limits) -> Result<Value, Invalid> {
    if text.len() > limits.bytes {
        let detail = format!("{} bytes, at most {} are taken", text.len(), limits.bytes);
        return Err(Invalid::new("", "size", detail));
    }
    let walk = Walk { refused: RefCell::new(None), values: Cell::new(limits.values), limits };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let parsed = Node { walk: &walk, place: Place::Root, depth: 0 }.deserialize(&mut reader);
    // Our own refusal first: what serde says of it is only an echo.
    if let Some(invalid) = walk.refused.take() {
        return Err(invalid);
    }
    let value = parsed.map_err(|error| not_json(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Invalid {
    Invalid::new("", "json", format!("not JSON: {error}"))
}

/// What the whole walk shares.
struct Walk {
    refused: RefCell<Option<Invalid>>,
    values: Cell<usize>,
    limits: Limits,
}

impl Walk {
    fn refuse<E: Error>(&self, place: &Place<'_>, rule: &'static str, detail: String) -> E {
        self.refused.replace(Some(Invalid::new(place.pointer(), rule, detail)));
        E::custom("refused")
    }
}

struct Node<'a> {
    walk: &'a Walk,
    place: Place<'a>,
    depth: usize,
}

impl Node<'_> {
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        if self.depth == self.walk.limits.depth {
            let detail = format!("nests more than {} deep", self.depth);
            return Err(self.walk.refuse(&self.place, "depth", detail));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.walk.values.get().checked_sub(1) {
            Some(left) => self.walk.values.set(left),
            None => {
                let detail = format!("more than {} values", self.walk.limits.values);
                return Err(self.walk.refuse(&self.place, "count", detail));
            }
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.walk.refuse(&self.place, "number", "beyond what a double can say".into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        loop {
            let item = Node { walk: self.walk, place: self.place.index(items.len()), depth };
            match seq.next_element_seed(item)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let place = self.place.key(&key);
            if members.contains_key(&key) {
                return Err(self.walk.refuse(&place, "duplicate", "this key is there twice".into()));
            }
            let value = map.next_value_seed(Node { walk: self.walk, place, depth })?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}
