//! A look at a line that takes nothing: for a check while somebody holds it.

use std::path::Path;

use gpiocdev::Chip;

use super::linux::{no_such, offset_of, opening};
use super::{Binding, HardwareError};

/// Who uses a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Nobody.
    Free,
    /// Somebody, by the name that they gave the kernel. The agent calls itself [`CONSUMER`](super::CONSUMER).
    By(String),
}

/// Whether the machine has the line of this grant, and who uses it now.
pub fn look(binding: &Binding) -> Result<Use, HardwareError> {
    let line = &binding.line;
    let chip = Chip::from_path(Path::new("/dev").join(&line.chip)).map_err(|error| opening(line, error))?;
    let offset = offset_of(&chip, line)?;
    let info = chip.line_info(offset).map_err(|error| no_such(line, &error.to_string()))?;
    Ok(match (info.used, info.consumer) {
        (false, _) => Use::Free,
        (true, who) if who.is_empty() => Use::By("the kernel".to_owned()),
        (true, who) => Use::By(who),
    })
}
