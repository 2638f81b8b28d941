//! What seals and opens the messages of an established session.

use std::time::Duration;

use streembit_keys::jwe::Direct;
use zeroize::Zeroizing;

/// After how many messages in one direction a session ends: well below the 2^32 after which AES-GCM with one key loses its
/// margin, and few enough that a long session gets fresh keys.
pub const RENEW_AFTER_MESSAGES: u64 = 1 << 24;

/// How old a session may get. Whoever steals a session's keys gets no more than an hour of it.
pub const RENEW_AFTER: Duration = Duration::from_secs(60 * 60);

/// Whether it is time for a new handshake, after so many messages in one direction and so long: a sixteenth before the
/// limits, because a handshake takes its time and what is outstanding should still come through.
pub fn needs_renewal(messages: u64, age: Duration) -> bool {
    messages >= RENEW_AFTER_MESSAGES - RENEW_AFTER_MESSAGES / 16 || age >= RENEW_AFTER - RENEW_AFTER / 16
}

/// Why the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The next frame is not the next message of this session: it was changed, repeated, reordered, or comes from elsewhere.
    #[error("the frame is not the next message of this session")]
    NotNext,
    /// The session has carried as many messages as it may: make a new one.
    #[error("the session has carried 2^24 messages and must be renewed")]
    UsedUp,
}

/// Seals what this side sends. It has its own key and counter, so that a writer can own it.
pub struct Sealer(Half);

/// Opens what the other side sends. It has its own key and counter, so that a reader can own it.
pub struct Opener(Half);

struct Half {
    key: Direct,
    /// The number of the next message.
    next: u64,
    /// Set at the first failure, after which nothing is opened any more.
    broken: bool,
}

impl Half {
    fn new(key: Zeroizing<[u8; 32]>) -> Option<Self> {
        Some(Self { key: Direct::new(key).ok()?, next: 0, broken: false })
    }
}

impl Sealer {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Option<Self> {
        Half::new(key).map(Self)
    }

    /// Seals the next message: what goes into the next frame.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<String, ChannelError> {
        if self.0.next >= RENEW_AFTER_MESSAGES {
            return Err(ChannelError::UsedUp);
        }
        let counter = self.0.next;
        // Counted first: whatever happens below, no counter is used twice.
        self.0.next += 1;
        self.0.key.seal(counter, plaintext).map_err(|_| ChannelError::UsedUp)
    }

    /// Whether it is time for a new handshake, in a session of this age.
    pub fn needs_renewal(&self, age: Duration) -> bool {
        needs_renewal(self.0.next, age)
    }
}

impl Opener {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Option<Self> {
        Half::new(key).map(Self)
    }

    /// Opens the next frame. After an error the session is over, and every further call says so.
    pub fn open(&mut self, frame: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if self.0.next >= RENEW_AFTER_MESSAGES {
            return Err(ChannelError::UsedUp);
        }
        let opened = match std::str::from_utf8(frame) {
            Ok(compact) if !self.0.broken => self.0.key.open(self.0.next, compact).ok(),
            _ => None,
        };
        self.0.broken = opened.is_none();
        self.0.next += 1;
        opened.ok_or(ChannelError::NotNext)
    }

    /// Whether it is time for a new handshake, in a session of this age.
    pub fn needs_renewal(&self, age: Duration) -> bool {
        needs_renewal(self.0.next, age)
    }
}

#[cfg(test)]
impl Sealer {
    /// As if so many messages had been sealed.
    pub(super) fn skip_to(&mut self, next: u64) {
        self.0.next = next;
    }
}

#[cfg(test)]
impl Opener {
    /// As if so many messages had been opened.
    pub(super) fn skip_to(&mut self, next: u64) {
        self.0.next = next;
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer(next {})", self.0.next)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener(next {})", self.0.next)
    }
}
