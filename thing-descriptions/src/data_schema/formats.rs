/// The `format`s that are checked; any other is refused, so that nobody relies on a check that does not happen.
pub(super) const CHECKED: [&str; 10] =
    ["date-time", "date", "time", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid"];

/// RFC 9562, section 4: 8-4-4-4-12 hexadecimal digits. (JSON Schema draft 7 does not know this format.)
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
