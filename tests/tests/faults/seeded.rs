//! Chance that can be had again.

/// Set to the number that a failed test printed, it makes the test take the same turns.
const VARIABLE: &str = "STREEMBIT_SEED";

/// SplitMix64: every seed is as good as any other.
pub struct Seeded(u64);

impl Seeded {
    /// From the environment, else from the system. The number is printed, which is seen where the test fails.
    pub fn new() -> Self {
        let given = std::env::var(VARIABLE).ok().map(|text| text.parse().unwrap());
        let seed = given.unwrap_or_else(|| {
            u64::from_le_bytes(streembit_keys::rng::bytes(&mut streembit_keys::rng::system()))
        });
        println!("{VARIABLE}={seed} takes the same turns");
        Self(seed)
    }

    /// A stream of its own, for another thread.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
