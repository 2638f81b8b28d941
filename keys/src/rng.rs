//! The system's random numbers, for those who hand randomness in.

/// The operating system's generator (`getrandom(2)`), as a [`rand_core::CryptoRng`].
///
/// It panics only where the kernel refuses `getrandom(2)`, which leaves nothing safe to do.
pub type SystemRng = rand_core::UnwrapErr<getrandom::SysRng>;

/// The operating system's generator.
pub fn system() -> SystemRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// `N` fresh random bytes.
pub fn bytes<const N: usize>(rng: &mut impl rand_core::CryptoRng) -> [u8; N] {
    let mut out = [0; N];
    rng.fill_bytes(&mut out);
    out
}
