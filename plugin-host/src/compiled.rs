//! What a compiler process writes to its standard output: one [`Compiled`], then the code.

use crate::wire::wire_enum;
use crate::{Malformed, Reader, Wire};

/// Most bytes of compiled code. Code is five to ten times as large as its component; an 18 MB Python component makes
/// about 70 MB.
pub const MAX_CODE: usize = 128 << 20;

/// Most bytes before the code.
const MAX_HEADER: usize = 64 * 1024;

wire_enum! {
    /// What became of a component.
    pub enum Compiled {
        /// The code follows.
        0 => Code {
            /// What the component imports, with versions.
            imports: Vec<String>,
            /// The engine that it was compiled for.
            engine: String,
        },
        /// It is no component that can be run here.
        1 => Refused {
            /// Why.
            why: String,
        },
    }
}

/// The beginning of a compiler's output; the code goes behind it.
pub fn header(compiled: &Compiled) -> Vec<u8> {
    let mut body = Vec::new();
    compiled.put(&mut body);
    let mut out = (body.len() as u32).to_le_bytes().to_vec();
    out.append(&mut body);
    out
}

/// Splits a compiler's output.
pub fn parse(output: &[u8]) -> Result<(Compiled, &[u8]), Malformed> {
    let (length, rest) = output.split_first_chunk().ok_or(Malformed("the compiler wrote nothing"))?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_HEADER {
        return Err(Malformed("the compiler's header is too long"));
    }
    let (header, code) =
        rest.split_at_checked(length).ok_or(Malformed("the compiler's output is cut off"))?;
    let mut reader = Reader::new(header);
    let compiled = Compiled::take(&mut reader)?;
    reader.finish()?;
    Ok((compiled, code))
}
