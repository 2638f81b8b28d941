//! What a step says instead of making what the next one needs.

use streembit_peer::message::{
    Answer, MessageError, Name, Operation, Problem, ProblemCode, Receipt, Request, RequestHash,
};

use super::Caller;
use super::respond::{self, Answered};
use crate::device::{Alarm, Device};
use crate::journal::Denial;

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
    pub(super) re: RequestHash,
    pub(super) answer: Answer,
    pub(super) receipt: Receipt,
}

/// A request that is not done, for its answer and for the ring of denials.
#[derive(Debug)]
pub struct Refused {
    pub(super) re: RequestHash,
    pub(super) what: Option<(Operation, Name, Option<Name>)>,
    pub(super) problem: Problem,
}

impl Stop {
    /// Not done, for this reason.
    pub(super) fn refused(request: &Request, problem: Problem) -> Self {
        let what = (request.op, request.thing.clone(), request.affordance.clone());
        Self::Refused(Box::new(Refused { re: request.hash(), what: Some(what), problem }))
    }

    /// The one answer to what is forbidden and to what does not exist. It is made here only, so that both are the same
    /// bytes.
    pub(super) fn forbidden(request: &Request) -> Self {
        Self::refused(request, Problem::new(ProblemCode::Refused))
    }

    /// Notes the denial, and makes the answer that the caller may get.
    pub(super) fn answer(self, device: &Device, caller: &Caller) -> Option<Answered> {
        match self {
            Self::Hostile(error) => {
                tracing::warn!(contact = %caller.contact(), source = %caller.source(), %error, "session ended");
                device.alarm(Alarm::HostileMessage, caller);
                None
            }
            Self::Refused(refused) => {
                refused.note(device, caller);
                respond::problem(device, caller, refused.re, refused.problem)
            }
            Self::Again(again) => respond::again(device, caller, &again),
        }
    }
}

impl Refused {
    /// Notes the denial in its ring, where a flood of them costs no more than a trickle.
    fn note(&self, device: &Device, caller: &Caller) {
        let (op, thing, affordance) = match self.what.clone() {
            Some((op, thing, affordance)) => (Some(op), Some(thing), affordance),
            None => (None, None, None),
        };
        device.journal().deny(Denial {
            source: Some((**caller.source()).into()),
            caller: Some(*caller.contact()),
            op,
            thing,
            affordance,
            why: self.problem.code.to_string().into(),
        });
    }
}

impl From<MessageError> for Stop {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Unusable { re, code, why } => {
                // What cannot be a name does not exist, and what does not exist has one answer only.
                let problem = match code {
                    ProblemCode::Refused => Problem::new(code),
                    _ => Problem::because(code, why),
                };
                Self::Refused(Box::new(Refused { re, what: None, problem }))
            }
            hostile => Self::Hostile(hostile),
        }
    }
}
