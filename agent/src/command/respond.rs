//! The last steps: the answer is signed for its session, and sealed by the session's writer.
//!
//! A value that does not fit into its answer goes out behind it, chunk by chunk, as the writer finds time for it.

use streembit_peer::message::json::JsonError;
use streembit_peer::message::{
    self, Answer, LongValue, MAX_PAYLOAD, Notification, Problem, ProblemCode, RequestHash, Response,
};
use streembit_peer::session::{ChannelError, Sealer};

use super::long_answers::Reserved;
use super::outbox::left_out;
use super::record::Receipt;
use super::stop::Again;
use super::{Caller, Topic, step};
use crate::device::Device;

/// A signed message for one session.
#[derive(Debug)]
pub struct Answered {
    plaintext: String,
    begins: Option<Topic>,
    follows: Option<Following>,
}

/// A signed message or a chunk, sealed as the next of its session.
#[derive(Debug)]
pub struct Sealed(String);

/// A value that goes out behind its answer.
#[derive(Debug)]
pub struct Following {
    value: LongValue,
    _reserved: Reserved,
}

/// Why an answer cannot be given as it is.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the answer does not fit: {0}")]
    Value(#[from] JsonError),
    #[error("too many long answers are on their way: read those first")]
    NoRoom,
}

/// Signs the answer to a command that was done.
pub(super) fn respond(receipt: Receipt, caller: &Caller, device: &Device) -> Option<Answered> {
    let Receipt { re, answer, recorded, begins } = receipt;
    let answered = sign(device, caller, re, &answer, recorded)?;
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
    Again { re, answer, receipt, .. }: &Again,
) -> Option<Answered> {
    sign(device, caller, *re, answer, Some(*receipt))
}

/// What is kept of an answer for whoever asks again. An output that does not fit a message is not: who loses it learns that
/// the command was done, and not what came of it.
pub(super) fn kept(answer: &Answer) -> Vec<u8> {
    let kept = serde_json::to_vec(answer).unwrap_or_default();
    if kept.len() <= MAX_PAYLOAD {
        return kept;
    }
    let problem = Problem::because(ProblemCode::OutputLost, "it is too long to be kept for a second answer");
    serde_json::to_vec(&Answer::Problem(problem)).unwrap_or_default()
}

fn sign(
    device: &Device,
    caller: &Caller,
    re: RequestHash,
    answer: &Answer,
    recorded: Option<message::Receipt>,
) -> Option<Answered> {
    let unfit = match try_sign(device, caller, re, answer, recorded) {
        Ok(answered) => return Some(answered),
        Err(unfit) => unfit,
    };
    tracing::warn!(error = %unfit, contact = %caller.contact(), "an answer cannot be given as it is");
    let code = match unfit {
        // It is done and recorded, and must not look as if it could be asked for again.
        _ if recorded.is_some() => ProblemCode::OutputLost,
        Unfit::Value(_) => ProblemCode::Failed,
        Unfit::NoRoom => ProblemCode::Busy,
    };
    let problem = Answer::Problem(Problem::because(code, unfit.to_string()));
    try_sign(device, caller, re, &problem, recorded).ok()
}

fn try_sign(
    device: &Device,
    caller: &Caller,
    re: RequestHash,
    answer: &Answer,
    recorded: Option<message::Receipt>,
) -> Result<Answered, Unfit> {
    let signed = Response::sign(device.key(), caller.peers(), re, answer, recorded)?;
    let follows = match signed.follows {
        Some(value) => {
            let reserved =
                device.long_answers().take(caller.contact(), value.length()).ok_or(Unfit::NoRoom)?;
            Some(Following { value, _reserved: reserved })
        }
        None => None,
    };
    Ok(Answered { plaintext: signed.plaintext, begins: None, follows })
}

impl Answered {
    /// Signs news of a subscription. A value that does not fit a message is told as missed: left out in silence it would
    /// be a gap in the numbers, over which its reader ends the session.
    pub fn notification(device: &Device, caller: &Caller, news: &Notification) -> Option<Self> {
        device.counts().notification(news.missed);
        let sign = |news: &Notification| news.sign(device.key(), caller.peers());
        let signed = sign(news).or_else(|error| {
            device.security_log().note("news dropped", "does not fit a message", || {
                tracing::warn!(thing = %news.thing, affordance = %news.affordance, %error, "news does not fit a message");
            });
            sign(&left_out(news.clone(), "it does not fit a message"))
        });
        Some(Self { plaintext: signed.ok()?, begins: None, follows: None })
    }

    /// The subscription that begins with this answer.
    pub fn begins(&self) -> Option<&Topic> {
        self.begins.as_ref()
    }

    /// Seals it as the session's next message. What follows it is due after that, at any time.
    pub fn seal(self, sealer: &mut Sealer) -> Result<(Sealed, Option<Following>), ChannelError> {
        let sealed = step!("seal", sealer.seal(self.plaintext.as_bytes()).map(Sealed))?;
        Ok((sealed, self.follows))
    }
}

impl Following {
    /// Seals its next chunk as the session's next message. The second value is what is left then.
    pub fn seal_next(mut self, sealer: &mut Sealer) -> Result<Option<(Sealed, Option<Self>)>, ChannelError> {
        let Some(chunk) = self.value.next_chunk() else { return Ok(None) };
        let sealed = sealer.seal(&chunk).map(Sealed)?;
        Ok(Some((sealed, (!self.value.is_sent()).then_some(self))))
    }
}

impl Sealed {
    /// What goes into the next frame.
    pub fn as_frame(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
