//! What a value must look like (TD 1.1, section 5.3.2).

mod compile;
mod formats;

use std::sync::Arc;

use serde_json::Value;

use crate::Invalid;
use crate::pointer::Place;

/// A data schema of a Thing Description, compiled from a closed set of terms so that a check is bounded in time and
/// reads nothing but the value: no reference is followed, and patterns run in linear time.
#[derive(Clone)]
pub struct DataSchema(Arc<Compiled>);

struct Compiled {
    source: Value,
    /// `None` where the schema came from elsewhere and uses terms that we do not check.
    validator: Option<jsonschema::Validator>,
}

impl DataSchema {
    /// Compiles a data schema. What has an effect that we cannot keep (a reference, a keyword of JSON Schema beyond
    /// those of TD 1.1, a pattern with look-around) is refused by name, never ignored.
    pub fn compile(source: &Value) -> Result<Self, Invalid> {
        Self::compile_at(source, &Place::Root)
    }

    pub(crate) fn compile_at(source: &Value, place: &Place<'_>) -> Result<Self, Invalid> {
        let validator = Some(compile::validator(source, place)?);
        Ok(Self(Arc::new(Compiled { source: source.clone(), validator })))
    }

    /// Takes any schema: one that does not compile checks nothing. For Things of others, where the Thing itself is
    /// what checks and the schema only helps a person.
    pub fn lenient(source: &Value) -> Self {
        let validator = compile::validator(source, &Place::Root).ok();
        Self(Arc::new(Compiled { source: source.clone(), validator }))
    }

    /// Whether [`Self::check`] checks anything (always so unless the schema was taken by [`Self::lenient`]).
    pub fn is_checked(&self) -> bool {
        self.0.validator.is_some()
    }

    /// The schema as it was written.
    pub fn source(&self) -> &Value {
        &self.0.source
    }

    /// The `type` term: `boolean`, `integer`, `number`, `string`, `object`, `array` or `null`.
    pub fn type_name(&self) -> Option<&str> {
        self.member("type")
    }

    /// The unit of measurement, as the schema has it.
    pub fn unit(&self) -> Option<&str> {
        self.member("unit")
    }

    /// The title for people.
    pub fn title(&self) -> Option<&str> {
        self.member("title")
    }

    fn member(&self, key: &str) -> Option<&str> {
        self.0.source.get(key).and_then(Value::as_str)
    }

    /// Checks a value. The pointer of an [`Invalid`] is into the value, the rule is the keyword of the schema.
    pub fn check(&self, value: &Value) -> Result<(), Invalid> {
        let Some(validator) = &self.0.validator else { return Ok(()) };
        // Most values are valid, and this path allocates nothing.
        if validator.is_valid(value) {
            return Ok(());
        }
        match validator.validate(value) {
            Ok(()) => Ok(()),
            Err(error) => Err(from_validation(&error)),
        }
    }
}

/// What a failed check says. The value is masked: it may be a secret, and this text goes into logs and answers.
pub(crate) fn from_validation(error: &jsonschema::ValidationError<'_>) -> Invalid {
    let rule = error.kind().keyword().to_owned();
    Invalid::new(error.instance_path().as_str(), rule, error.masked().to_string())
}

impl std::fmt::Debug for DataSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataSchema({})", self.0.source)
    }
}

impl PartialEq for DataSchema {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}
