//! Data schemas: what compiles, what is refused by which rule, and what a check says.

// A helper of a test may fail like the test itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use streembit_thing_descriptions::{DataSchema, value_from_text};

fn schema(source: Value) -> DataSchema {
    DataSchema::compile(&source).unwrap()
}

/// The pointer and the rule by which a schema is refused.
fn refused(source: Value) -> (String, String) {
    let invalid = DataSchema::compile(&source).unwrap_err();
    (invalid.pointer, invalid.rule.into_owned())
}

/// The pointer and the rule by which a value is refused.
fn fails(source: Value, value: Value) -> (String, String) {
    let invalid = schema(source).check(&value).unwrap_err();
    (invalid.pointer, invalid.rule.into_owned())
}

fn at(pointer: &str, rule: &str) -> (String, String) {
    (pointer.to_owned(), rule.to_owned())
}

#[test]
fn each_term_refuses_what_it_should_and_takes_the_rest() {
    let cases = [
        (json!({"type": "boolean"}), json!(true), json!("true"), "type"),
        (json!({"type": "integer"}), json!(7), json!(7.5), "type"),
        (json!({"type": "number"}), json!(7.5), json!("7.5"), "type"),
        (json!({"type": "null"}), json!(null), json!(0), "type"),
        (json!({"enum": ["open", 1, null]}), json!(null), json!("OPEN"), "enum"),
        (json!({"const": {"a": [1]}}), json!({"a": [1]}), json!({"a": [2]}), "const"),
        (json!({"minimum": -1}), json!(-1), json!(-1.5), "minimum"),
        (json!({"maximum": 10}), json!(10), json!(10.5), "maximum"),
        (json!({"exclusiveMinimum": 0}), json!(0.1), json!(0), "exclusiveMinimum"),
        (json!({"exclusiveMaximum": 1}), json!(0.9), json!(1), "exclusiveMaximum"),
        (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35), "multipleOf"),
        (json!({"minLength": 2}), json!("äö"), json!("ä"), "minLength"),
        (json!({"maxLength": 2}), json!("äö"), json!("äöü"), "maxLength"),
        (json!({"pattern": "^[0-9]{4}$"}), json!("1234"), json!("12345"), "pattern"),
        (json!({"items": {"type": "integer"}}), json!([1]), json!([1, "2"]), "type"),
        (json!({"items": [{"type": "integer"}, {"type": "string"}]}), json!([1, "2"]), json!([1, 2]), "type"),
        (json!({"minItems": 1}), json!([1]), json!([]), "minItems"),
        (json!({"maxItems": 1}), json!([1]), json!([1, 2]), "maxItems"),
        (json!({"properties": {"a": {"type": "null"}}}), json!({"b": 1}), json!({"a": 1}), "type"),
        (json!({"required": ["a"]}), json!({"a": 1}), json!({"b": 1}), "required"),
        (json!({"oneOf": [{"type": "string"}, {"minimum": 3}]}), json!(3), json!(2), "oneOf"),
        (json!({"format": "date-time"}), json!("2026-01-02T03:04:05Z"), json!("yesterday"), "format"),
        (json!({"format": "ipv4"}), json!("10.0.0.1"), json!("10.0.0.256"), "format"),
        (
            json!({"format": "uuid"}),
            json!("6f2c5c1e-0f1b-4f54-9d2a-3c1f0b6f4d11"),
            json!("6f2c5c1e0f1b-4f54-9d2a-3c1f0b6f4d111"),
            "format",
        ),
        (json!({"contentEncoding": "base64"}), json!("aGk="), json!("a*k="), "contentEncoding"),
    ];
    for (source, good, bad, rule) in cases {
        schema(source.clone())
            .check(&good)
            .unwrap_or_else(|error| panic!("{source} refused {good}: {error}"));
        let (_, said) = fails(source.clone(), bad);
        assert_eq!(said, rule, "of {source}");
    }
}

#[test]
fn a_failed_check_points_into_the_value() {
    let door = json!({
        "type": "object",
        "properties": { "steps": { "type": "array", "items": { "type": "object",
            "properties": { "a/b~c": { "type": "integer", "maximum": 9 } } } } }
    });
    assert_eq!(fails(door, json!({"steps": [{}, {"a/b~c": 10}]})), at("/steps/1/a~1b~0c", "maximum"));
}

#[test]
fn a_failed_check_never_quotes_the_value() {
    let secret = "9274-geheim";
    let schemas = [
        json!({"type": "integer"}),
        json!({"enum": ["a"]}),
        json!({"const": "a"}),
        json!({"pattern": "^[0-9]$"}),
        json!({"maxLength": 3}),
        json!({"format": "date"}),
        json!({"oneOf": [{"type": "integer"}]}),
        json!({"contentEncoding": "base64"}),
        json!({"type": "object", "properties": {}}),
    ];
    for source in schemas {
        let said = schema(source.clone()).check(&json!(secret)).unwrap_err().to_string();
        assert!(!said.contains("9274"), "{source} says {said}");
    }
}

#[test]
fn what_is_not_in_the_closed_subset_is_refused_by_name() {
    for key in [
        "$ref",
        "$id",
        "$schema",
        "$defs",
        "$anchor",
        "$dynamicRef",
        "definitions",
        "allOf",
        "anyOf",
        "not",
        "if",
        "then",
        "else",
        "dependencies",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "contains",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "unevaluatedProperties",
        "prefixItems",
        "nullable",
        "Type",
        "",
    ] {
        assert_eq!(refused(json!({ key: {} })), at(&format!("/{key}"), "keyword"), "{key}");
    }
    assert_eq!(refused(json!({"tm:ref": "other.tm.json#/x"})), at("/tm:ref", "keyword"));
    assert_eq!(refused(json!({"items": {"$ref": "#"}})), at("/items/$ref", "keyword"));
    assert_eq!(
        refused(json!({"properties": {"a": {"oneOf": [{"$ref": "#"}]}}})),
        at("/properties/a/oneOf/0/$ref", "keyword")
    );
}

#[test]
fn a_property_may_be_called_like_a_keyword() {
    let source = json!({"properties": {"$ref": {"type": "integer"}, "not": {}}});
    assert_eq!(fails(source, json!({"$ref": "#"})), at("/$ref", "type"));
}

#[test]
fn a_constant_may_look_like_a_reference() {
    let source = json!({"const": {"$ref": "http://127.0.0.1:9/x"}, "@type": "saref:State", "saref:unit": {"$ref": "#"}});
    schema(source).check(&json!({"$ref": "http://127.0.0.1:9/x"})).unwrap();
}

#[test]
fn malformed_terms_are_refused_where_they_stand() {
    let cases = [
        (json!(true), "", "type"),
        (json!([]), "", "type"),
        (json!({"type": "float"}), "/type", "enum"),
        (json!({"type": ["string", "null"]}), "/type", "type"),
        (json!({"enum": []}), "/enum", "minItems"),
        (json!({"enum": "open"}), "/enum", "type"),
        (json!({"minimum": "1"}), "/minimum", "type"),
        (json!({"multipleOf": 0}), "/multipleOf", "exclusiveMinimum"),
        (json!({"multipleOf": -2}), "/multipleOf", "exclusiveMinimum"),
        (json!({"minLength": -1}), "/minLength", "type"),
        (json!({"maxItems": 1.5}), "/maxItems", "type"),
        (json!({"minimum": 2, "maximum": 1}), "/minimum", "minimum"),
        (json!({"pattern": 1}), "/pattern", "type"),
        (json!({"format": "regex"}), "/format", "enum"),
        (json!({"required": ["a", "a"]}), "/required/1", "uniqueItems"),
        (json!({"required": [1]}), "/required/0", "type"),
        (json!({"oneOf": []}), "/oneOf", "minItems"),
        (json!({"items": 1}), "/items", "type"),
        (json!({"properties": []}), "/properties", "type"),
        (json!({"title": 1}), "/title", "type"),
        (json!({"titles": {"en": 1}}), "/titles/en", "type"),
        (json!({"readOnly": "yes"}), "/readOnly", "type"),
        (json!({"readOnly": true, "writeOnly": true}), "/writeOnly", "writeOnly"),
        (json!({"type": "integer", "default": "a"}), "/default", "default"),
        (json!({"properties": {"a": {"type": "string", "default": 1}}}), "/properties/a/default", "default"),
    ];
    for (source, pointer, rule) in cases {
        assert_eq!(refused(source.clone()), at(pointer, rule), "{source}");
    }
}

#[test]
fn size_depth_and_count_have_limits() {
    let mut deep = json!({"type": "integer"});
    for _ in 0..12 {
        deep = json!({ "items": deep });
    }
    assert_eq!(refused(deep).1, "depth");
    let branches: Vec<_> = (0..17).map(|number| json!({ "const": number })).collect();
    assert_eq!(refused(json!({ "oneOf": branches })), at("/oneOf", "maxItems"));
    let values: Vec<_> = (0..257).collect();
    assert_eq!(refused(json!({ "enum": values })), at("/enum", "maxItems"));
    let many: serde_json::Map<_, _> = (0..256).map(|n| (n.to_string(), json!({}))).collect();
    assert_eq!(refused(json!({ "properties": many })), at("/properties/255", "count"));
    let patterns: Vec<_> = (0..17).map(|number| json!({ "pattern": format!("^{number}$") })).collect();
    assert_eq!(refused(json!({ "oneOf": [{ "items": patterns[..16] }, patterns[16]] })).1, "count");
    assert_eq!(refused(json!({ "pattern": "a".repeat(257) })), at("/pattern", "maxLength"));
}

#[test]
fn patterns_that_need_backtracking_are_refused() {
    for pattern in ["(?=a)b", "(?<!a)b", r"(a)\1", "a(?>b)", "(", "[z-a]", "a{2,1}"] {
        assert_eq!(
            refused(json!({ "items": { "pattern": pattern } })),
            at("/items/pattern", "pattern"),
            "{pattern}"
        );
    }
}

#[test]
fn patterns_that_explode_are_refused_or_linear() {
    for pattern in ["((a{99}){99}){99}", r"(\w{200}){200}", r"\p{L}{1000}"] {
        assert_eq!(refused(json!({ "pattern": pattern })).1, "pattern", "{pattern}");
    }
    // What takes a backtracking engine longer than the universe has been there.
    let hostile = Value::from("a".repeat(60_000) + "!");
    for pattern in
        ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^([a-z]+)*$", "(x+x+)+y", "^(.*a){20}$", "(.*)(.*)(.*)b$"]
    {
        let compiled = schema(json!({ "pattern": pattern }));
        let start = Instant::now();
        let _ = compiled.check(&hostile);
        // Linear is some milliseconds, unoptimised and on a busy machine; exponential never ends.
        assert!(start.elapsed() < Duration::from_secs(5), "{pattern} took {:?}", start.elapsed());
    }
}

#[test]
fn big_numbers_are_not_mistaken_for_others() {
    let top = schema(json!({"type": "integer", "maximum": 9_007_199_254_740_993_u64}));
    top.check(&json!(9_007_199_254_740_993_u64)).unwrap();
    assert_eq!(top.check(&json!(9_007_199_254_740_994_u64)).unwrap_err().rule, "maximum");
    let any = schema(json!({"type": "integer"}));
    any.check(&json!(u64::MAX)).unwrap();
    any.check(&json!(i64::MIN + 1)).unwrap();
    // One above what 64 bits hold, as a parser leaves it: a rounded double.
    assert_eq!(value_from_text(&any, "18446744073709551616").unwrap_err().rule, "maximum");
    assert_eq!(value_from_text(&any, "-9223372036854775809").unwrap_err().rule, "minimum");
    let near = schema(json!({"type": "integer", "minimum": i64::MIN + 500, "maximum": u64::MAX - 500}));
    assert_eq!(near.check(&json!(i64::MIN + 499)).unwrap_err().rule, "minimum");
    assert_eq!(near.check(&json!(u64::MAX - 499)).unwrap_err().rule, "maximum");
    let none = schema(json!({"type": "integer", "minimum": 1e30}));
    assert_eq!(none.check(&json!(1)).unwrap_err().rule, "minimum");
    let wide = schema(json!({"type": "integer", "minimum": -1e30, "maximum": 1e30}));
    assert_eq!(value_from_text(&wide, "18446744073709551616").unwrap_err().rule, "maximum");
    assert_eq!(value_from_text(&schema(json!({"type": "number"})), "1e999").unwrap_err().rule, "type");
}

#[test]
fn text_becomes_a_value_as_the_schema_has_it() {
    let text = schema(json!({"type": "string"}));
    let cases = [
        (&text, "open", json!("open")),
        (&text, "1234", json!("1234")),
        (&text, "true", json!("true")),
        (&text, "\"two\\nlines\"", json!("two\nlines")),
        (&text, "\"", json!("\"")),
        (&text, "", json!("")),
    ];
    for (schema, typed, value) in cases {
        assert_eq!(value_from_text(schema, typed).unwrap(), value, "{typed}");
    }
    let number = schema(json!({"type": "number", "maximum": 30}));
    assert_eq!(value_from_text(&number, " 21.5 ").unwrap(), json!(21.5));
    assert_eq!(value_from_text(&number, "31").unwrap_err().rule, "maximum");
    assert_eq!(value_from_text(&number, "warm").unwrap_err().rule, "type");
    let either = schema(json!({"oneOf": [{"type": "integer"}, {"type": "string", "enum": ["auto"]}]}));
    assert_eq!(value_from_text(&either, "5").unwrap(), json!(5));
    assert_eq!(value_from_text(&either, "auto").unwrap(), json!("auto"));
    assert_eq!(value_from_text(&either, "never").unwrap_err().rule, "json");
    let object = schema(json!({"type": "object"}));
    assert_eq!(value_from_text(&object, r#"{"a":1,"a":2}"#).unwrap_err().rule, "duplicate");
}

#[test]
fn a_lenient_schema_says_whether_it_checks() {
    assert!(DataSchema::lenient(&json!({"type": "integer"})).is_checked());
    let foreign = DataSchema::lenient(&json!({"$ref": "http://127.0.0.1:9/schema"}));
    assert!(!foreign.is_checked());
    foreign.check(&json!("anything")).unwrap();
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("finite", |number| serde_json::Number::from_f64(number).map(Value::Number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(".{0,6}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_constant_takes_itself_and_nothing_else(value in any_value(), other in any_value()) {
        let compiled = schema(json!({ "const": value }));
        prop_assert!(compiled.check(&value).is_ok());
        if other != value {
            // 1 and 1.0 are one number to JSON Schema.
            let same = value.as_f64().is_some() && value.as_f64() == other.as_f64();
            prop_assert!(same || compiled.check(&other).is_err() || value.is_array() || value.is_object());
        }
    }

    #[test]
    fn an_integer_range_takes_what_is_in_it(low in any::<i32>(), width in any::<u16>(), value in any::<i64>()) {
        let (low, high) = (i64::from(low), i64::from(low) + i64::from(width));
        let compiled = schema(json!({ "type": "integer", "minimum": low, "maximum": high }));
        for value in [value, low, high, low - 1, high + 1] {
            prop_assert_eq!(compiled.check(&json!(value)).is_ok(), (low..=high).contains(&value));
        }
    }

    #[test]
    fn any_json_as_a_schema_compiles_or_is_refused(source in any_value()) {
        let _ = DataSchema::compile(&source);
        let _ = DataSchema::compile(&json!({ "default": source, "enum": [source], "items": source }));
    }

    #[test]
    fn any_text_for_a_string_is_kept(typed in "[^\"]{0,40}") {
        let compiled = schema(json!({ "type": "string" }));
        prop_assert_eq!(value_from_text(&compiled, &typed).unwrap(), Value::from(typed));
    }

    #[test]
    fn what_a_value_prints_as_is_taken_again(value in any_value()) {
        prop_assume!(!value.is_string());
        let compiled = schema(json!({}));
        let again = value_from_text(&compiled, &value.to_string()).unwrap();
        prop_assert_eq!(again.to_string(), value.to_string());
    }
}
