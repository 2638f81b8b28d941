//! From a TD's data schema to a checker, through a closed set of terms.
//!
//! The walk copies what is known into a new JSON Schema and refuses the rest, so what reaches the `jsonschema` crate
//! has no `$ref`, no identifier and no keyword that was not looked at here.

use serde_json::{Map, Value, json};

use super::formats;
use crate::Invalid;
use crate::pointer::Place;

/// Schemas inside each other. Values of real Things nest 3 or 4 deep.
const MAX_DEPTH: usize = 12;
/// Schemas in all. With [`MAX_BRANCHES`] it bounds one check: every schema meets every value at most once.
const MAX_SCHEMAS: usize = 256;
/// Alternatives of one `oneOf`: all of them are tried on every value.
const MAX_BRANCHES: usize = 16;
/// Values of one `enum`: compared one by one.
const MAX_ENUM: usize = 256;
/// Bytes of one `pattern`.
const MAX_PATTERN: usize = 256;
/// Patterns in all: each is compiled, which takes up to a millisecond.
const MAX_PATTERNS: usize = 16;
/// Memory of one compiled pattern; bounds what counted repetitions such as `(a{99}){99}` make of a short text.
const MAX_PATTERN_PROGRAM: usize = 256 * 1024;
/// Memory of the automaton that a pattern builds while it runs; past it the slower, still linear engine takes over.
const MAX_PATTERN_CACHE: usize = 256 * 1024;

const TYPES: [&str; 7] = ["boolean", "integer", "number", "string", "object", "array", "null"];
/// TD 1.1, section 5.3.2.6; only `base64` is checked, as JSON Schema draft 7 has it.
const ENCODINGS: [&str; 7] = ["7bit", "8bit", "binary", "quoted-printable", "base16", "base32", "base64"];

/// Compiles the schema at `place`, and sees that its `default`s are valid by it.
pub(super) fn validator(source: &Value, place: &Place<'_>) -> Result<jsonschema::Validator, Invalid> {
    let mut walk = Walk { schemas: MAX_SCHEMAS, patterns: MAX_PATTERNS };
    let schema = walk.schema(source, place, MAX_DEPTH)?;
    // The walk left nothing to find: should the crate know better, its word counts.
    build(&schema).map_err(|error| {
        let at = error.instance_path().as_str();
        Invalid::new(format!("{}{at}", place.pointer()), "schema", error.masked().to_string())
    })
}

fn build(schema: &Value) -> Result<jsonschema::Validator, jsonschema::ValidationError<'static>> {
    let patterns =
        jsonschema::PatternOptions::regex().size_limit(MAX_PATTERN_PROGRAM).dfa_size_limit(MAX_PATTERN_CACHE);
    jsonschema::options()
        // Draft 7 is what TD 1.1's terms are taken from.
        .with_draft(jsonschema::Draft::Draft7)
        .with_pattern_options(patterns)
        .with_format("uuid", formats::is_uuid)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .offline()
        .build(schema)
}

struct Walk {
    schemas: usize,
    patterns: usize,
}

impl Walk {
    fn schema(&mut self, source: &Value, place: &Place<'_>, depth: usize) -> Result<Value, Invalid> {
        let Value::Object(members) = source else {
            return refuse(place, "type", "a data schema is an object");
        };
        let Some(deeper) = depth.checked_sub(1) else {
            return refuse(place, "depth", format!("data schemas nest more than {MAX_DEPTH} deep"));
        };
        self.schemas = match self.schemas.checked_sub(1) {
            Some(left) => left,
            None => return refuse(place, "count", format!("more than {MAX_SCHEMAS} data schemas in one")),
        };
        let mut made = Map::new();
        for (key, value) in members {
            let at = place.key(key);
            if let Some(term) = self.term(key, value, &at, deeper)? {
                made.insert(key.clone(), term);
            }
        }
        bound_integers(&mut made);
        contradictions(members, place)?;
        let made = Value::Object(made);
        if let Some(default) = members.get("default") {
            let at = place.key("default");
            // Compiled on its own only here: a default is rare, and the whole is compiled once at the end.
            let fits = build(&made).is_ok_and(|schema| schema.is_valid(default));
            if !fits {
                return refuse(&at, "default", "the default is not valid by its own schema");
            }
        }
        Ok(made)
    }

    /// The term as JSON Schema has it, or `None` where it only informs.
    fn term(
        &mut self,
        key: &str,
        value: &Value,
        at: &Place<'_>,
        depth: usize,
    ) -> Result<Option<Value>, Invalid> {
        match key {
            "type" => one_of(value, at, &TYPES)?,
            "format" => one_of(value, at, &formats::CHECKED)?,
            "contentEncoding" => one_of(value, at, &ENCODINGS)?,
            "enum" => {
                let values = array(value, at, MAX_ENUM)?;
                if values.is_empty() {
                    return refuse(at, "minItems", "an enum without values allows nothing");
                }
            }
            "const" => {}
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                if !value.is_number() {
                    return refuse(at, "type", "a number is needed");
                }
            }
            "multipleOf" => {
                if !value.as_f64().is_some_and(|step| step > 0.0) {
                    return refuse(at, "exclusiveMinimum", "a number above 0 is needed");
                }
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" => {
                if !value.is_u64() {
                    return refuse(at, "type", "a count is needed");
                }
            }
            "pattern" => {
                self.pattern(text(value, at)?, at)?;
            }
            "required" => return self.required(value, at).map(Some),
            "properties" => return self.properties(value, at, depth).map(Some),
            "oneOf" => return self.list(value, at, depth).map(Some),
            "items" if value.is_array() => return self.list(value, at, depth).map(Some),
            "items" => return self.schema(value, at, depth).map(Some),
            "title" | "description" | "unit" | "contentMediaType" => {
                text(value, at)?;
                return Ok(None);
            }
            "titles" | "descriptions" => {
                for (language, title) in object(value, at)? {
                    text(title, &at.key(language))?;
                }
                return Ok(None);
            }
            "readOnly" | "writeOnly" => {
                if !value.is_boolean() {
                    return refuse(at, "type", "true or false is needed");
                }
                return Ok(None);
            }
            // Its own value is checked by the whole schema it stands in.
            "default" | "@type" => return Ok(None),
            // A prefixed term of some vocabulary informs. Those of Thing Models would have an effect.
            _ if key.contains(':') && !key.starts_with("tm:") => return Ok(None),
            _ => return refuse(at, "keyword", "not a term of a data schema that we take"),
        }
        Ok(Some(value.clone()))
    }

    /// Compiled here on its own as well, because only here is its place known.
    fn pattern(&mut self, pattern: &str, at: &Place<'_>) -> Result<(), Invalid> {
        if pattern.len() > MAX_PATTERN {
            return refuse(at, "maxLength", format!("a pattern has at most {MAX_PATTERN} bytes"));
        }
        self.patterns = match self.patterns.checked_sub(1) {
            Some(left) => left,
            None => return refuse(at, "count", format!("more than {MAX_PATTERNS} patterns in one schema")),
        };
        if build(&json!({ "pattern": pattern })).is_err() {
            let detail = "not a regular expression that is small and runs in linear time \
                          (no look-around, no back-reference)";
            return refuse(at, "pattern", detail);
        }
        Ok(())
    }

    fn required(&self, value: &Value, at: &Place<'_>) -> Result<Value, Invalid> {
        let mut names = Vec::new();
        for (index, name) in array(value, at, MAX_SCHEMAS)?.iter().enumerate() {
            let name = text(name, &at.index(index))?;
            if names.contains(&name) {
                return refuse(&at.index(index), "uniqueItems", "this name is there twice");
            }
            names.push(name);
        }
        Ok(json!(names))
    }

    fn properties(&mut self, value: &Value, at: &Place<'_>, depth: usize) -> Result<Value, Invalid> {
        let mut made = Map::new();
        for (name, property) in object(value, at)? {
            made.insert(name.clone(), self.schema(property, &at.key(name), depth)?);
        }
        Ok(Value::Object(made))
    }

    fn list(&mut self, value: &Value, at: &Place<'_>, depth: usize) -> Result<Value, Invalid> {
        let schemas = array(value, at, MAX_BRANCHES)?;
        if schemas.is_empty() {
            return refuse(at, "minItems", "at least one data schema is needed");
        }
        let made: Result<_, _> = schemas
            .iter()
            .enumerate()
            .map(|(index, schema)| self.schema(schema, &at.index(index), depth))
            .collect();
        Ok(Value::Array(made?))
    }
}

/// An integer is one that 64 bits hold. One beyond was rounded to a double when it was parsed, down to exactly the
/// least that they hold, which is why that one is left out.
fn bound_integers(made: &mut Map<String, Value>) {
    if made.get("type").is_none_or(|name| name != "integer") {
        return;
    }
    // A bound that is an integer itself is within 64 bits; one written as a double may be beyond them.
    let too_low = |low: &Value| match low.as_i64() {
        Some(low) => low == i64::MIN,
        None => low.as_f64().is_some_and(|low| low <= i64::MIN as f64),
    };
    let too_high = |high: &Value| high.is_f64() && high.as_f64().is_some_and(|high| high >= u64::MAX as f64);
    if made.get("minimum").is_none_or(too_low) {
        made.insert("minimum".into(), (i64::MIN + 1).into());
    }
    if made.get("maximum").is_none_or(too_high) {
        made.insert("maximum".into(), u64::MAX.into());
    }
}

/// Bounds that leave nothing between them are a mistake of their author, and worth a sentence before it is deployed.
fn contradictions(members: &Map<String, Value>, place: &Place<'_>) -> Result<(), Invalid> {
    for (low, high) in [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")] {
        let bound = |key| members.get(key).and_then(Value::as_f64);
        if let (Some(least), Some(most)) = (bound(low), bound(high))
            && least > most
        {
            return refuse(&place.key(low), low, format!("above {high}, so no value is valid"));
        }
    }
    let both = |key| members.get(key) == Some(&Value::Bool(true));
    if both("readOnly") && both("writeOnly") {
        return refuse(&place.key("writeOnly"), "writeOnly", "readOnly and writeOnly exclude each other");
    }
    Ok(())
}

fn refuse<T>(place: &Place<'_>, rule: &'static str, detail: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::new(place.pointer(), rule, detail))
}

fn text<'v>(value: &'v Value, at: &Place<'_>) -> Result<&'v str, Invalid> {
    value.as_str().ok_or_else(|| Invalid::new(at.pointer(), "type", "a string is needed"))
}

fn one_of(value: &Value, at: &Place<'_>, known: &[&str]) -> Result<(), Invalid> {
    if known.contains(&text(value, at)?) {
        return Ok(());
    }
    refuse(at, "enum", format!("one of {} is needed", known.join(", ")))
}

fn array<'v>(value: &'v Value, at: &Place<'_>, most: usize) -> Result<&'v Vec<Value>, Invalid> {
    match value {
        Value::Array(items) if items.len() <= most => Ok(items),
        Value::Array(_) => refuse(at, "maxItems", format!("more than {most} are not taken")),
        _ => refuse(at, "type", "an array is needed"),
    }
}

fn object<'v>(value: &'v Value, at: &Place<'_>) -> Result<&'v Map<String, Value>, Invalid> {
    value.as_object().ok_or_else(|| Invalid::new(at.pointer(), "type", "an object is needed"))
}
