//! One chunk, as it travels.

use super::super::{MessageError, RequestHash};

/// The text in one chunk. A short answer waits for one chunk of each batch at the most: a fifth of a second on an uplink of
/// one megabit, and what goes with a chunk is less than a hundredth of it.
pub const CHUNK: usize = 16 * 1024;

/// Begins a chunk, and no JWS: those are base64url.
const MARK: u8 = 0;

/// Before the text: the mark, `re`, the offset.
const HEAD: usize = 1 + 32 + 4;

/// A part of a long value. Authentic because the session's AEAD opened it; whether it is right, the [`super::Assembler`]
/// says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The request whose answer it belongs to.
    pub re: RequestHash,
    /// Where in the value's text it begins.
    pub offset: u32,
    /// The text from there.
    pub bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// What goes into a sealed message.
    pub fn to_plaintext(&self) -> Vec<u8> {
        let mut plaintext = Vec::with_capacity(HEAD + self.bytes.len());
        plaintext.push(MARK);
        plaintext.extend_from_slice(self.re.as_bytes());
        plaintext.extend_from_slice(&self.offset.to_be_bytes());
        plaintext.extend_from_slice(self.bytes);
        plaintext
    }

    /// Whether a message says that it is a chunk.
    pub(in super::super) fn is_one(plaintext: &[u8]) -> bool {
        plaintext.first() == Some(&MARK)
    }

    /// Reads a chunk. Whether it is due is the assembler's to know.
    pub fn from_plaintext(plaintext: &'a [u8]) -> Result<Self, MessageError> {
        let malformed = MessageError::Malformed("a chunk has its mark, a request, an offset and its text");
        let Some((&[MARK], rest)) = plaintext.split_first_chunk::<1>() else { return Err(malformed) };
        let Some((re, rest)) = rest.split_first_chunk::<32>() else { return Err(malformed) };
        let Some((offset, bytes)) = rest.split_first_chunk::<4>() else { return Err(malformed) };
        if bytes.is_empty() || bytes.len() > CHUNK {
            return Err(malformed);
        }
        Ok(Self { re: RequestHash::from_bytes(*re), offset: u32::from_be_bytes(*offset), bytes })
    }
}
