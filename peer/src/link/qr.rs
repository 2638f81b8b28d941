//! QR codes in half blocks: two modules a character, one above the other.

use qrcode::types::Color;
use qrcode::{EcLevel, QrCode, Version};

/// A terminal has 24 lines of two modules each; one line stays free for the prompt.
const MAX_ROWS: usize = 46;

/// What the standard asks for around the code (ISO/IEC 18004, section 6.3.8). Readers do with two, and so does the largest
/// code that fits.
const QUIET: usize = 4;
const LEAST_QUIET: usize = 2;

/// Draws `text`; `None` if it does not fit. The light modules are drawn, because most terminals are dark.
pub(super) fn render(text: &str) -> Option<String> {
    // Low error correction: a screen has no scratches, and every version more is two lines more.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let Version::Normal(_) = code.version() else { return None };
    let width = code.width();
    let quiet = QUIET.min(MAX_ROWS.checked_sub(width)? / 2);
    if quiet < LEAST_QUIET {
        return None;
    }
    let colors = code.into_colors();
    let light = |row: usize, column: usize| {
        let inside = (quiet..quiet + width).contains(&row) && (quiet..quiet + width).contains(&column);
        !inside || colors.get((row - quiet) * width + column - quiet) != Some(&Color::Dark)
    };
    let side = width + 2 * quiet;
    let mut drawing = String::with_capacity(side * side * 2);
    for upper in (0..side).step_by(2) {
        for column in 0..side {
            let below = upper + 1 < side && light(upper + 1, column);
            drawing.push(match (light(upper, column), below) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawing.push('\n');
    }
    Some(drawing)
}
