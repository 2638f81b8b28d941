//! The last steps: the answer is signed for its session, and sealed by the session's writer.

use streembit_peer::message::{self, Answer, Notification, Problem, ProblemCode, RequestHash, Response};
use streembit_peer::session::{ChannelError, Sealer};

use super::record::Receipt;
use super::stop::Again;
use super::{Caller, Topic, step};
use crate::device::Device;

/// A signed message for one session.
#[derive(Debug)]
pub struct Answered {
    plaintext: String,
    begins: Option<Topic>,
}

/// A signed message, sealed as the next of its session.
#[derive(Debug)]
pub struct Sealed(String);

/// Signs the answer to a command that was done.
pub(super) fn respond(receipt: Receipt, caller: &Caller, device: &Device) -> Option<Answered> {
    let Receipt { re, answer, recorded, begins } = receipt;
    let answered = sign(device, caller, re, &answer, recorded).or_else(|| {
        // It is done and recorded; only what it answered does not fit into a message.
        let problem = Problem::because(ProblemCode::Failed, "the answer is too long or nested too deep");
        sign(device, caller, re, &Answer::Problem(problem), recorded)
    })?;
    Some(Answered { begins, ..answered })
}

/// Signs the answer to what was not done.
pub(super) fn problem(
    device: &Device,
    caller: &Caller,
    re: RequestHash,
    problem: Problem,
) -> Option<Answered> {
    sign(device, caller, re, &Answer::Problem(problem), None)
}

/// Signs the first answer once more, for another session or for the same.
pub(super) fn again(
    device: &Device,
    caller: &Caller,
    Again { re, answer, receipt }: &Again,
) -> Option<Answered> {
    sign(device, caller, *re, answer, Some(*receipt))
}

fn sign(
    device: &Device,
    caller: &Caller,
    re: RequestHash,
    answer: &Answer,
    recorded: Option<message::Receipt>,
) -> Option<Answered> {
    match Response::sign(device.key(), caller.peers(), re, answer, recorded) {
        Ok(plaintext) => Some(Answered { plaintext, begins: None }),
        Err(error) => {
            tracing::warn!(%error, "an answer does not fit into a message");
            None
        }
    }
}

impl Answered {
    /// Signs news of a subscription.
    pub fn notification(device: &Device, caller: &Caller, news: &Notification) -> Option<Self> {
        match news.sign(device.key(), caller.peers()) {
            Ok(plaintext) => Some(Self { plaintext, begins: None }),
            Err(error) => {
                tracing::warn!(thing = %news.thing, affordance = %news.affordance, %error, "news does not fit a message");
                None
            }
        }
    }

    /// The subscription that begins with this answer.
    pub fn begins(&self) -> Option<&Topic> {
        self.begins.as_ref()
    }

    /// Seals it as the session's next message.
    pub fn seal(self, sealer: &mut Sealer) -> Result<Sealed, ChannelError> {
        step!("seal", sealer.seal(self.plaintext.as_bytes()).map(Sealed))
    }
}

impl Sealed {
    /// What goes into the next frame.
    pub fn as_frame(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
