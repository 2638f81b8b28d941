//! Spans of time as people write them: `30s`, `8h`, `1h30m`, `2d`.

use std::time::Duration;

/// Longest span that is taken. Ten years of anything is a typing mistake.
const MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Parses `30s`, `5m`, `8h`, `2d`, `250ms` and sums of them (`1h30m`).
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time: write it like 30s, 5m, 8h, 2d or 1h30m");
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest.get(..digits).and_then(|d| d.parse().ok()).ok_or_else(wrong)?;
        rest = rest.get(digits..).unwrap_or_default();
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let millis: u64 = match rest.get(..letters).unwrap_or_default() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        rest = rest.get(letters..).unwrap_or_default();
        let part = number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
    }
    if total.is_zero() || total > MAX { Err(wrong()) } else { Ok(total) }
}

/// Writes a span as people say it: the two largest units.
pub fn show_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut out = String::new();
    let mut taken = 0;
    for (size, unit) in units {
        if rest >= size && taken < 2 {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
            taken += 1;
        }
    }
    if out.is_empty() { format!("{}ms", span.as_millis()) } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("8h", 28_800), ("2d", 172_800), ("1h30m", 5400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "8", "h", "8 h", "-1s", "1.5h", "8w", "0s", "99999999999999999999s", "4000d", "é1s"]
        {
            assert!(duration(text).unwrap_err().contains("30s"), "{text}");
        }
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(show_duration(Duration::from_secs(28_800)), "8h");
        assert_eq!(show_duration(Duration::from_secs(5430)), "1h30m");
        assert_eq!(show_duration(Duration::from_millis(250)), "250ms");
    }
}
