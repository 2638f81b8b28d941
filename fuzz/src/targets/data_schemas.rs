//! Data schemas and the values that are checked by them: two JSON texts, a line feed between them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use streembit_thing_descriptions::json::{Limits, parse};
use streembit_thing_descriptions::{DataSchema, value_from_text};

/// A check is linear in a value of some KiB: this is a thousand times what any takes, on a slow machine. It is time of the
/// processor, since a fuzzer may have to wait for others.
const LONGEST: Duration = Duration::from_secs(2);

fn worked() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or_default())
}

pub fn run(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (schema, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let start = worked();
    let Ok(schema) = parse(schema, Limits::DOCUMENT) else { return };
    let Ok(schema) = DataSchema::compile(&schema) else { return };
    if let Ok(value) = parse(text, Limits::VALUE) {
        let first = schema.check(&value).map_err(|invalid| (invalid.pointer, invalid.rule));
        if let Err((pointer, _)) = &first {
            assert!(value.pointer(pointer).is_some(), "the pointer {pointer:?} leads nowhere");
        }
        // The same after a copy: nothing of a check stays behind.
        let copy = DataSchema::compile(schema.source()).unwrap();
        assert_eq!(copy.check(&value).map_err(|invalid| (invalid.pointer, invalid.rule)), first);
    }
    if let Ok(text) = std::str::from_utf8(text)
        && let Ok(value) = value_from_text(&schema, text)
    {
        schema.check(&value).unwrap();
    }
    let took = worked().saturating_sub(start);
    assert!(took < LONGEST, "took {took:?}");
}
