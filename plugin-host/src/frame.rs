//! Messages in a byte stream: a length of four bytes, then the message.

use crate::{Malformed, Reader, Wire};

/// Longest message: a value of 64 KiB as JSON text, twice over for what goes with it, and room to spare.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// A message is longer than [`MAX_MESSAGE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is too long")]
pub struct TooLong(pub usize);

/// The bytes of one message.
pub fn frame(message: &impl Wire) -> Result<Vec<u8>, TooLong> {
    let mut out = vec![0; 4];
    message.put(&mut out);
    let length = out.len() - 4;
    if length > MAX_MESSAGE {
        return Err(TooLong(length));
    }
    out[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(out)
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    /// Takes what was read from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        } else if self.at > MAX_MESSAGE {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one. After an error the stream is worth nothing.
    pub fn take<M: Wire>(&mut self) -> Result<Option<M>, Malformed> {
        let rest = &self.bytes[self.at..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(Malformed("it is too long"));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let mut reader = Reader::new(body);
        let message = M::take(&mut reader)?;
        reader.finish()?;
        self.at += 4 + length;
        Ok(Some(message))
    }
}
