//! The receiver's side: chunks in, whole values out.

use std::collections::HashMap;

use super::super::json::{self, JsonError};
use super::super::{Answer, RequestHash, Response};
use super::{Announcement, CHUNK, Chunk, MAX_LONG_UNDER_WAY, ValueHash, check};

/// Why a long answer cannot be taken. Each of them is the sender's fault and ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LongError {
    /// No answer was announced to which it could belong, or all of that one has come.
    #[error("a chunk of an answer that is not under way")]
    NotUnderWay,
    /// One is missing, repeated, or in the wrong place.
    #[error("a chunk at {offset} where {due} is due")]
    OutOfOrder {
        /// Where it says that it belongs.
        offset: usize,
        /// Where the next one belongs.
        due: usize,
    },
    /// Every chunk is full but the last, which has the rest.
    #[error("a chunk of {length} bytes where {due} are due")]
    WrongLength {
        /// Its length.
        length: usize,
        /// The length that it must have.
        due: usize,
    },
    /// The same request was answered before, and that answer is still under way.
    #[error("a second answer while the first is under way")]
    AnsweredTwice,
    /// More is announced than a session may have under way.
    #[error("long answers of more than {MAX_LONG_UNDER_WAY} bytes under way")]
    TooMuch,
    /// What came is not what was signed.
    #[error("a long answer is not the one that was signed: its hash differs")]
    NotAsSigned,
    /// What came is what was signed, and is no value.
    #[error("a long answer cannot be read: {0}")]
    NotAValue(#[from] JsonError),
}

/// The long answers of one session that are under way, each asked for or not wanted any more.
#[derive(Debug, Default)]
pub struct Assembler {
    under_way: HashMap<RequestHash, UnderWay>,
    /// What is announced of all that is under way.
    announced: usize,
}

#[derive(Debug)]
struct UnderWay {
    announcement: Announcement,
    /// Where the next chunk belongs.
    due: usize,
    /// What has come; `None` where nobody waits for it.
    text: Option<Vec<u8>>,
}

/// All bytes of a long answer. They are worth nothing before [`Whole::check`].
#[derive(Debug)]
pub struct Whole {
    announcement: Announcement,
    text: Vec<u8>,
}

impl Assembler {
    /// An answer whose value follows. Where nobody waits for it, its chunks are counted and dropped.
    pub fn begin(&mut self, announcement: Announcement, wanted: bool) -> Result<(), LongError> {
        if self.is_under_way(&announcement.re) {
            return Err(LongError::AnsweredTwice);
        }
        let announced = self.announced.saturating_add(announcement.value.bytes());
        if announced > MAX_LONG_UNDER_WAY {
            return Err(LongError::TooMuch);
        }
        self.announced = announced;
        // It grows with what comes: an announcement alone costs nothing.
        let text = wanted.then(Vec::new);
        self.under_way.insert(announcement.re, UnderWay { announcement, due: 0, text });
        Ok(())
    }

    /// The next chunk. The last one of an answer that somebody waits for makes it whole.
    pub fn take(&mut self, chunk: &Chunk<'_>) -> Result<Option<Whole>, LongError> {
        let under_way = self.under_way.get_mut(&chunk.re).ok_or(LongError::NotUnderWay)?;
        let (due, length) = (under_way.due, under_way.announcement.value.bytes());
        let offset = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
        if offset != due {
            return Err(LongError::OutOfOrder { offset, due });
        }
        let rest = length.saturating_sub(due);
        if chunk.bytes.len() != rest.min(CHUNK) {
            return Err(LongError::WrongLength { length: chunk.bytes.len(), due: rest.min(CHUNK) });
        }
        if let Some(text) = &mut under_way.text {
            text.extend_from_slice(chunk.bytes);
        }
        under_way.due += chunk.bytes.len();
        if under_way.due < length {
            return Ok(None);
        }
        self.announced = self.announced.saturating_sub(length);
        let done = self.under_way.remove(&chunk.re);
        Ok(done.and_then(|UnderWay { announcement, text, .. }| Some(Whole { announcement, text: text? })))
    }

    /// Nobody waits for it any longer: what has come of it is freed now, and what still comes is dropped.
    pub fn abandon(&mut self, re: &RequestHash) {
        if let Some(under_way) = self.under_way.get_mut(re) {
            under_way.text = None;
        }
    }

    /// Whether an answer to this request is under way.
    pub fn is_under_way(&self, re: &RequestHash) -> bool {
        self.under_way.contains_key(re)
    }

    /// The memory that is held for what has come so far.
    pub fn held(&self) -> usize {
        self.under_way.values().filter_map(|under_way| under_way.text.as_ref()).map(Vec::capacity).sum()
    }
}

impl Whole {
    /// Makes an answer of it, if it is what was signed.
    pub fn check(self) -> Result<Response, LongError> {
        let Self { announcement: Announcement { re, value, receipt }, text } = self;
        if ValueHash::of(&text) != value.sha256 {
            return Err(LongError::NotAsSigned);
        }
        check(&text)?;
        let result = Answer::Ok(json::parse_within(&text, super::MAX_LONG_VALUE)?);
        Ok(Response { re, result, receipt })
    }
}
