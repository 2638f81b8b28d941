//! Why a message is not taken.

use streembit_keys::jws::JwsError;

use super::{ProblemCode, RequestHash};

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is longer than any message of ours.
    #[error("the message is too long: {0} bytes")]
    TooLong(usize),
    /// It is not text.
    #[error("the message is not UTF-8")]
    NotText,
    /// It is no JWS of the expected kind, or the signature does not hold.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The signature holds, but what was signed is not a message of this kind.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// It was signed for another session, by somebody else or for somebody else.
    #[error("the message belongs to another session: `{0}` differs")]
    Elsewhere(&'static str),
    /// The request is its caller's, and cannot be taken up: answer it with this problem.
    #[error("the request cannot be taken up: {why}")]
    Unusable {
        /// The request, for the answer.
        re: RequestHash,
        /// What to answer.
        code: ProblemCode,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl MessageError {
    /// The answer that the caller may get. Without one the session ends: its other side does not speak our protocol.
    pub fn answer(&self) -> Option<(RequestHash, ProblemCode)> {
        match self {
            Self::Unusable { re, code, .. } => Some((*re, *code)),
            _ => None,
        }
    }
}
