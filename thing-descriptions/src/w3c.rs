//! The JSON Schema that the W3C publishes beside the Recommendation, as a check of whole Thing Descriptions.
//!
//! `schema/README.md` says where it is from.

use std::sync::OnceLock;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::Invalid;
use crate::data_schema::from_validation;

const SCHEMA: &str = include_str!("../schema/td-json-schema-validation.json");

/// Whether the document is a Thing Description by the W3C's schema.
pub(crate) fn check(description: &Value) -> Result<(), Invalid> {
    let schema = match schema() {
        Ok(schema) => schema,
        Err(message) => return Err(Invalid::new("", "w3c-schema", message)),
    };
    if schema.is_valid(description) {
        return Ok(());
    }
    match schema.validate(description) {
        Ok(()) => Ok(()),
        Err(error) => Err(from_validation(deepest(&error))),
    }
}

/// Compiled once a process: it takes milliseconds. The schema is part of the program, and a test compiles it.
fn schema() -> Result<&'static Validator, &'static str> {
    static COMPILED: OnceLock<Result<Validator, String>> = OnceLock::new();
    let compile = || {
        let schema: Value = serde_json::from_str(SCHEMA).map_err(|error| error.to_string())?;
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .should_validate_formats(true)
            .offline()
            .build(&schema)
            .map_err(|error| error.to_string())
    };
    COMPILED.get_or_init(compile).as_ref().map_err(String::as_str)
}

/// The schema is full of alternatives, and "valid under none of them" helps nobody: the failure that lies deepest in
/// the document is in the alternative that its author meant.
fn deepest<'e, 'v>(error: &'e ValidationError<'v>) -> &'e ValidationError<'v> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return error;
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let inner = context.iter().flatten().map(deepest).max_by_key(|inner| depth(inner));
    inner.filter(|inner| depth(inner) > depth(error)).unwrap_or(error)
}
