//! What a step says instead of making what the next one needs.

use streembit_peer::message::{
    Answer, MessageError, Name, Operation, Problem, ProblemCode, Receipt, Request, RequestHash,
};

use super::Caller;
use super::counts::CameTo;
use super::respond::{self, Answered};
use crate::device::{Alarm, Device};
use crate::journal::Denial;
use crate::security_log::TARGET;

/// Why a command goes no further.
#[derive(Debug)]
pub enum Stop {
    /// What came is no request of this session's other side. The session ends without a word.
    Hostile(MessageError),
    /// It is authentic and is not done.
    Refused(Box<Refused>),
    /// It was done before: the first answer, signed anew for this session.
    Again(Box<Again>),
}

/// The first answer to a request that is asked again.
#[derive(Debug)]
pub struct Again {
    pub(super) op: Operation,
    pub(super) re: RequestHash,
    pub(super) answer: Answer,
    pub(super) receipt: Receipt,
}

/// A request that is not done, for its answer and for the ring of denials.
#[derive(Debug)]
pub struct Refused {
    re: RequestHash,
    what: Option<What>,
    problem: Problem,
    /// For the owner, who reads the ring. The caller learns no more than the problem says.
    why: Why,
}

type What = (Operation, Name, Option<Name>);

/// Words of the device's own, of which there are few: a caller cannot fill the ring with kinds of denials.
type Why = &'static str;

impl Stop {
    /// Not done, for this reason.
    pub(super) fn refused(request: &Request, problem: Problem) -> Self {
        let why = problem.code.as_str();
        Self::Refused(Box::new(Refused { re: request.hash(), what: Some(what(request)), problem, why }))
    }

    /// The one answer to what is forbidden and to what does not exist. Only the owner sees which it was.
    pub(super) fn forbidden(request: &Request, why: Why) -> Self {
        Self::denied(request, ProblemCode::Refused, why)
    }

    /// Denied with this code, and nothing else: whatever the reason, the answer is the same bytes.
    pub(super) fn denied(request: &Request, code: ProblemCode, why: Why) -> Self {
        let (re, problem) = (request.hash(), Problem::new(code));
        Self::Refused(Box::new(Refused { re, what: Some(what(request)), problem, why }))
    }

    /// Notes the denial, and makes the answer that the caller may get.
    pub(super) fn answer(self, device: &Device, caller: &Caller) -> Option<Answered> {
        match self {
            Self::Hostile(error) => {
                device.security_log().note("session ended", "hostile message", || {
                    let (contact, source) = (caller.contact(), caller.source());
                    tracing::warn!(target: TARGET, %contact, %source, %error, "a session brought a message that is not its own");
                });
                device.alarm(Alarm::HostileMessage, caller);
                None
            }
            Self::Refused(refused) => {
                let op = refused.what.as_ref().map(|(op, ..)| *op);
                device.counts().command(op, CameTo::Problem(refused.problem.code));
                note(device, caller, refused.what, refused.why);
                respond::problem(device, caller, refused.re, refused.problem)
            }
            Self::Again(again) => {
                device.counts().command(Some(again.op), CameTo::Repeated);
                respond::again(device, caller, &again)
            }
        }
    }
}

/// What the caller hears of a denial that is decided only after the command was written down. It goes into the ring now.
pub(super) fn denied_late(
    device: &Device,
    caller: &Caller,
    request: &Request,
    code: ProblemCode,
    why: Why,
) -> Problem {
    note(device, caller, Some(what(request)), why);
    Problem::new(code)
}

fn what(request: &Request) -> What {
    (request.op, request.thing.clone(), request.affordance.clone())
}

/// Notes a denial in its ring and in the log, where a flood of them costs no more than a trickle.
fn note(device: &Device, caller: &Caller, what: Option<What>, why: Why) {
    device.counts().denial(why);
    device.security_log().note("denied", why, || {
        let (contact, source) = (caller.contact(), caller.source());
        tracing::info!(target: TARGET, %contact, %source, reason = why, "denied");
    });
    let (op, thing, affordance) = match what {
        Some((op, thing, affordance)) => (Some(op), Some(thing), affordance),
        None => (None, None, None),
    };
    let source = Some((**caller.source()).into());
    let (caller, why) = (Some(*caller.contact()), why.into());
    device.journal().deny(Denial { source, caller, op, thing, affordance, why });
}

impl From<MessageError> for Stop {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Unusable { re, code, why } => {
                // What cannot be a name does not exist, and what does not exist has one answer only.
                let (problem, why) = match code {
                    ProblemCode::Refused => (Problem::new(code), "no such thing: it cannot be a name"),
                    _ => (Problem::because(code, why), code.as_str()),
                };
                Self::Refused(Box::new(Refused { re, what: None, problem, why }))
            }
            hostile => Self::Hostile(hostile),
        }
    }
}
