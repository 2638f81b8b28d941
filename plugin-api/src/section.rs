//! The manifest inside a component: a custom section of the component's outermost level.
//!
//! Only the framing of the binary format is read here (Component Model, "Binary Format": a preamble, then sections of
//! an id, a length in LEB128 and that many bytes), so the agent needs no WebAssembly library to look at one.

/// Name of the custom section.
pub const NAME: &str = "streembit:manifest";

/// `\0asm`, version 13, layer 1: a component. A core module has layer 0.
const PREAMBLE: [u8; 8] = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/// Id of a custom section.
const CUSTOM: u8 = 0;

/// Why bytes have no manifest section to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// Not a component at all.
    #[error("not a WebAssembly component")]
    NotAComponent,
    /// A core module: it was never made a component.
    #[error("a core WebAssembly module, not a component: build it for wasm32-wasip2")]
    CoreModule,
    /// A section's length points behind the end, or is no LEB128 number.
    #[error("the component is cut off or damaged at byte {at}")]
    Damaged {
        /// Where the section begins.
        at: usize,
    },
    /// No manifest.
    #[error("the component has no `{NAME}` section: `cargo xtask plugins` adds it from plugin.toml")]
    Missing,
    /// More than one, so that two readers could see two manifests.
    #[error("the component has more than one `{NAME}` section")]
    Repeated,
    /// The manifest is not text.
    #[error("the manifest in the component is not UTF-8")]
    NotText,
}

/// The text of the manifest in `component`.
pub fn find(component: &[u8]) -> Result<&str, SectionError> {
    let mut found = None;
    for section in Sections::new(component)? {
        let section = section?;
        if section.id == CUSTOM && custom_name(section.body) == Some(NAME.as_bytes()) {
            let text = &section.body[1 + NAME.len()..];
            if found.replace(text).is_some() {
                return Err(SectionError::Repeated);
            }
        }
    }
    std::str::from_utf8(found.ok_or(SectionError::Missing)?).map_err(|_| SectionError::NotText)
}

/// `component` with `manifest` as its manifest section. One that already has a manifest is refused.
pub fn embed(component: &[u8], manifest: &str) -> Result<Vec<u8>, SectionError> {
    match find(component) {
        Err(SectionError::Missing) => {}
        Err(other) => return Err(other),
        Ok(_) => return Err(SectionError::Repeated),
    }
    let mut out = component.to_vec();
    out.push(CUSTOM);
    push_leb128(&mut out, 1 + NAME.len() + manifest.len());
    push_leb128(&mut out, NAME.len());
    out.extend_from_slice(NAME.as_bytes());
    out.extend_from_slice(manifest.as_bytes());
    Ok(out)
}

/// Our name is shorter than 128 bytes, so its length is one byte in its only canonical form.
fn custom_name(body: &[u8]) -> Option<&[u8]> {
    let length = usize::from(*body.first()?);
    if length >= 0x80 { None } else { body.get(1..1 + length) }
}

struct Section<'a> {
    id: u8,
    body: &'a [u8],
}

struct Sections<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Sections<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, SectionError> {
        match bytes.get(..8) {
            Some(start) if start == PREAMBLE => Ok(Self { bytes, at: 8 }),
            Some([0x00, 0x61, 0x73, 0x6d, _, _, 0x00, 0x00]) => Err(SectionError::CoreModule),
            _ => Err(SectionError::NotAComponent),
        }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, SectionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let section = leb128(&rest[1..]).and_then(|(length, used)| {
            let body = rest.get(1 + used..(1 + used).checked_add(length)?)?;
            Some(Section { id: rest[0], body })
        });
        match section {
            Some(section) => {
                self.at = section.body.as_ptr_range().end as usize - self.bytes.as_ptr() as usize;
                Some(Ok(section))
            }
            None => {
                self.at = self.bytes.len();
                Some(Err(SectionError::Damaged { at }))
            }
        }
    }
}

/// An unsigned LEB128 number of at most 32 bits, and how many bytes it has.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(u32::try_from(value).ok()?).ok()?, index + 1));
        }
    }
    None
}

fn push_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_embedded_is_found() {
        let manifest = "name = \"x\"\n".repeat(40);
        let component = embed(&PREAMBLE, &manifest).unwrap();
        assert_eq!(find(&component).unwrap(), manifest);
    }

    #[test]
    fn two_manifests_are_refused() {
        let one = embed(&PREAMBLE, "a").unwrap();
        assert_eq!(embed(&one, "b"), Err(SectionError::Repeated));
        let two = [one.as_slice(), &one[8..]].concat();
        assert_eq!(find(&two), Err(SectionError::Repeated));
    }

    #[test]
    fn what_is_no_component_says_so() {
        assert_eq!(find(b""), Err(SectionError::NotAComponent));
        assert_eq!(find(b"#!/bin/sh\nexit"), Err(SectionError::NotAComponent));
        assert_eq!(find(b"\0asm\x01\0\0\0"), Err(SectionError::CoreModule));
        assert_eq!(find(&PREAMBLE), Err(SectionError::Missing));
        assert_eq!(find(&[&PREAMBLE[..], &[1, 200, 200]].concat()), Err(SectionError::Damaged { at: 8 }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = find(&[&PREAMBLE[..], &tail].concat());
        }
    }
}
