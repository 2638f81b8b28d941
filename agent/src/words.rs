//! Words and numbers that more than one part says.

/// What to do about contacts who are suspended.
pub(crate) const CONFIRM: &str =
    "An owner confirms each of them, `streembit confirm DEVICE WHO`, or revokes whom it no longer knows.";

/// That so many contacts are suspended.
pub(crate) fn suspended(count: usize) -> String {
    format!("{count} of the contacts are suspended, since the device was restored from a backup")
}

/// A number of bytes: `1.5 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(bits, _)| count >> bits > 0) {
        // One decimal, rounded down: what is free must not seem to be more.
        Some((bits, unit)) => {
            format!("{}.{} {unit}", count >> bits, ((count >> (bits - 10)) & 1023) * 10 / 1024)
        }
        None => format!("{count} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_in_the_largest_unit_that_fits() {
        for (count, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (3 << 19, "1.5 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(bytes(count), said);
        }
    }
}
