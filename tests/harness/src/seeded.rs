//! Chance that can be had again.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use anyhow::{Context as _, Result};

/// Set to the number that a failed run printed, it makes the next one take the same turns.
const VARIABLE: &str = "STREEMBIT_SEED";

/// SplitMix64: every seed is as good as any other. Shown, it says how its turns are had again.
pub struct Seeded {
    seed: u64,
    state: u64,
}

impl Seeded {
    /// From the environment, else from the system.
    pub fn new() -> Result<Self> {
        let seed = match std::env::var(VARIABLE) {
            Ok(text) => text.parse().with_context(|| format!("{VARIABLE}={text}"))?,
            // The standard library seeds its hash maps from the system's random numbers.
            Err(_) => RandomState::new().build_hasher().finish(),
        };
        Ok(Self { seed, state: seed })
    }

    /// A stream of its own, for another thread.
    pub fn fork(&mut self) -> Self {
        let seed = self.next();
        Self { seed, state: seed }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    pub fn one_of<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[usize::try_from(self.below(N as u64)).unwrap_or_default()]
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl fmt::Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VARIABLE}={} takes the same turns", self.seed)
    }
}
