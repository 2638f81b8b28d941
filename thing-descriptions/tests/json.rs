//! Hostile JSON text.

// A helper of a test may fail like the test itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;
use streembit_thing_descriptions::json::{Limits, parse};

const SMALL: Limits = Limits { bytes: 64, depth: 3, values: 8 };

/// The pointer and the rule by which a text is refused.
fn refused(text: &str, limits: Limits) -> (String, String) {
    let invalid = parse(text.as_bytes(), limits).unwrap_err();
    (invalid.pointer, invalid.rule.into_owned())
}

fn at(pointer: &str, rule: &str) -> (String, String) {
    (pointer.to_owned(), rule.to_owned())
}

#[test]
fn equal_keys_are_refused_where_the_second_stands() {
    assert_eq!(refused(r#"{"a":{"b/c":1,"b\u002fc":2}}"#, SMALL), at("/a/b~1c", "duplicate"));
    assert_eq!(refused(r#"[0,{"":1,"":1}]"#, SMALL), at("/1/", "duplicate"));
}

#[test]
fn limits_hold_to_the_last_one() {
    assert_eq!(parse(b"[[[1]]]", SMALL).unwrap(), json!([[[1]]]));
    assert_eq!(refused("[[[[1]]]]", SMALL), at("/0/0/0", "depth"));
    assert_eq!(refused(r#"[{"x":[{}]}]"#, SMALL), at("/0/x/0", "depth"));
    parse(b"[1,2,3,4,5,6,7]", SMALL).unwrap();
    assert_eq!(refused("[1,2,3,4,5,6,7,8]", SMALL), at("/7", "count"));
    parse(format!("{:64}", 1).as_bytes(), SMALL).unwrap();
    assert_eq!(refused(&format!("{:65}", 1), SMALL), at("", "size"));
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{'a':1}",
        "01",
        "+1",
        "NaN",
        "1 2",
        "{} x",
        "\"\u{1}\"",
        "1e999",
        "\u{feff}1",
        "//",
    ] {
        assert_eq!(refused(text, SMALL), at("", "json"), "{text:?}");
    }
    assert_eq!(parse(b"\"\xff\"", SMALL).unwrap_err().rule, "json");
    assert_eq!(parse(br#""\ud800""#, SMALL).unwrap_err().rule, "json");
}

#[test]
fn a_hundred_thousand_brackets_cost_nothing() {
    let text = "[".repeat(100_000);
    assert_eq!(refused(&text, Limits::DOCUMENT).1, "depth");
}

proptest! {
    #[test]
    fn where_we_say_yes_serde_says_the_same(text in r#"[\[\]{}:,"a0-9.eE+\-\\ ntrue]{0,24}"#) {
        if let Ok(value) = parse(text.as_bytes(), Limits::VALUE) {
            prop_assert_eq!(value, serde_json::from_str::<serde_json::Value>(&text).unwrap());
        }
    }

    #[test]
    fn a_number_is_the_double_nearest_to_its_text(text in "-?[1-9][0-9]{0,3}\\.[0-9]{10,18}(e-?[1-9][0-9]?)?") {
        let value = parse(text.as_bytes(), Limits::VALUE).unwrap();
        prop_assert_eq!(value.as_f64().unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, SMALL);
    }
}
