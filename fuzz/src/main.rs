//! Everything that reads what a stranger wrote, under libFuzzer.
//!
//! One program with many targets, because linking it takes longer than a short run: the environment variable
//! `STREEMBIT_FUZZ_TARGET` names the one. `cargo xtask fuzz` builds it with instrumentation and runs each
//! target from its seeds in `seeds/<target>/`; a crash that was found and fixed becomes a seed there.
//!
//! A target is more than "does not panic" wherever something can be said: what was changed must not verify, what was
//! read must be what was written.
#![no_main]

mod fixed;
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(init: choose(), |input: &[u8]| {
    if let Some(target) = TARGET.get() {
        target(input);
    }
});

/// The panic is for whoever starts the program by hand.
fn choose() {
    let names: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
    let wanted = std::env::var("STREEMBIT_FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|(name, _)| *name == wanted);
    let (_, target) = found.unwrap_or_else(|| panic!("STREEMBIT_FUZZ_TARGET is one of {}", names.join(", ")));
    TARGET.get_or_init(|| *target);
}
