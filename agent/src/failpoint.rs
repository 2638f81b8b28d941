//! Places where a test can make the process die, as a power cut would.
//!
//! With the feature `failpoints`, `STREEMBIT_FAILPOINT=name[:nth]` in the environment aborts the process when it comes
//! to that place for the nth time (the first, where none is given). Without the feature nothing of it is compiled in.

/// Every place, in the order in which a command passes it. [`failpoint!`](macro@crate::failpoint) takes no other name
/// than these and [`REPLACING`].
pub const NAMES: &[&str] = &[
    "open-before",
    "open-after",
    "authenticate-before",
    "authenticate-after",
    "authorize-before",
    "authorize-after",
    "deduplicate-before",
    "deduplicate-after",
    "resolve-before",
    "resolve-after",
    "validate-before",
    "validate-after",
    "record-before",
    "record-after",
    "invoke-before",
    "move-before",
    "move-after",
    "invoke-after",
    "record-outcome-before",
    "record-outcome-after",
    "respond-before",
    "respond-after",
    "seal-before",
    "seal-after",
    "rights-before",
    "rights-recorded",
    "rights-cut",
];

/// Every place on the way from one device of a folder to another: a reset, an import.
pub const REPLACING: &[&str] = &[
    "replace-marked",
    "replace-configured",
    "replace-wiped",
    "replace-factory",
    "replace-journal",
    "replace-beginning",
    "replace-lan",
    "replace-fingerprint",
    "replace-account",
];

/// Dies here where a test asked for it. A name that neither [`NAMES`] nor [`REPLACING`] lists is refused by the compiler.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {{
        const _: () = assert!($crate::failpoint::is_listed($name), "add the name to failpoint::NAMES");
        $crate::failpoint::hit($name);
    }};
}

/// Whether [`NAMES`] or [`REPLACING`] has this name; for the macro.
pub const fn is_listed(name: &str) -> bool {
    has(NAMES, name) || has(REPLACING, name)
}

const fn has(names: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < names.len() {
        if equal(names[i].as_bytes(), name.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Nothing, in a program that was not built for crash tests.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_name: &'static str) {}

/// Aborts where the environment names this place and its turn has come.
#[cfg(feature = "failpoints")]
pub fn hit(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);

    let armed = ARMED.get_or_init(|| std::env::var("STREEMBIT_FAILPOINT").ok().and_then(|text| parse(&text)));
    if let Some((place, nth)) = armed
        && place == name
        && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        std::process::abort();
    }
}

/// `name` or `name:nth`, of a listed name.
#[cfg(any(feature = "failpoints", test))]
fn parse(text: &str) -> Option<(String, u64)> {
    let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
    Some((is_listed(name).then(|| name.to_owned())?, nth.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_unknown_ones_are_not() {
        assert!(is_listed("record-after"));
        assert!(!is_listed("record-afte"));
        assert!(!is_listed("record-afterr"));
        assert!(!is_listed("elsewhere"));
    }

    #[test]
    fn the_environment_names_a_place_and_perhaps_a_turn() {
        assert_eq!(parse("invoke-before"), Some(("invoke-before".to_owned(), 1)));
        assert_eq!(parse("invoke-before:3"), Some(("invoke-before".to_owned(), 3)));
        assert_eq!(parse("invoke-before:x"), None);
        assert_eq!(parse("nowhere"), None);
    }

    #[test]
    fn a_place_that_was_not_asked_for_is_passed() {
        crate::failpoint!("open-before");
    }
}
