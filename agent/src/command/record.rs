//! Steps 7 and 9: the intent is durable before anything moves, and the outcome before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use streembit_peer::message::{self, Answer, Problem, ProblemCode, Request, RequestHash};

use super::authorize::Permit;
use super::counts::CameTo;
use super::deduplicate::seen_before;
use super::invoke::Outcome;
use super::resolve::Target;
use super::validate::ValidatedInput;
use super::{Caller, Stop, Topic, respond};
use crate::device::Device;
use crate::journal::{self, Begun, Intent, Mark, NotRecorded};

/// A command that may be done now: its intent is on disk, if it changes the world.
pub(super) struct Recorded {
    input: ValidatedInput,
    intent: Option<journal::Recorded>,
}

/// What was answered, and where the journal has it.
pub(super) struct Receipt {
    pub(super) re: RequestHash,
    pub(super) answer: Answer,
    pub(super) recorded: Option<message::Receipt>,
    pub(super) begins: Option<Topic>,
}

/// Whether the intent must be durable first and the answer kept: whatever may move something. A reader of the journal
/// would otherwise fill it by reading, and its own answers too.
pub(super) fn changes_the_world(request: &Request) -> bool {
    request.op.changes_the_world() && !Device::only_looks(&request.thing, request.affordance.as_deref())
}

/// Writes the intent of what changes the world. If it cannot be written, nothing moves.
pub(super) async fn record(
    input: ValidatedInput,
    caller: &Caller,
    device: &Device,
) -> Result<Recorded, Stop> {
    let request = input.request();
    if !changes_the_world(request) {
        return Ok(Recorded { input, intent: None });
    }
    let now = caller.now(device.clock().monotonic());
    let valid_for = u64::try_from(request.exp.saturating_sub(now)).unwrap_or(0);
    let intent = Intent {
        contact: request.caller,
        call: request.id,
        content: request.content_hash(),
        op: request.op,
        thing: request.thing.clone(),
        affordance: request.affordance.clone(),
        request: request.jws().to_owned(),
        // The secrets of links are nobody's to keep.
        input: if matches!(input.affordance.target, Target::Device) {
            None
        } else {
            request.disclosure().map(str::to_owned)
        },
        valid_for: Duration::from_secs(valid_for),
    };
    match device.journal().begin(intent).await {
        Ok(Begun::New(intent)) => Ok(Recorded { input, intent: Some(intent) }),
        Ok(Begun::Seen(seen)) => Err(seen_before(request, seen)),
        Err(error) => Err(not_recorded(request, &error)),
    }
}

/// Writes how a command ended. Reads are noted, many at a time, without waiting for the disk.
pub(super) async fn record_outcome(outcome: Outcome, caller: &Caller, device: &Arc<Device>) -> Receipt {
    let Outcome { recorded: Recorded { input, intent }, answer, begins, running } = outcome;
    let request = input.request();
    let re = request.hash();
    device.counts().command(Some(request.op), came_to(&answer));
    let Some(intent) = intent else {
        // What was denied in the end is in the ring of denials, and nothing was read.
        if !is_denied(&answer) {
            let (op, thing) = (request.op, &request.thing);
            device.journal().note_read(request.caller, op, thing, request.affordance.as_ref());
        }
        return Receipt { re, answer, recorded: None, begins };
    };
    let kept = respond::kept(&answer);
    match device.journal().finish(intent, outcome_of(&answer), kept).await {
        Ok(receipt) => {
            if let Some(running) = running {
                running.pending(device);
            }
            Receipt { re, answer, recorded: Some(receipt), begins }
        }
        Err(error) => {
            // It may have moved, and the journal says "outcome unknown" of it. So does the answer.
            tracing::error!(%error, contact = %caller.contact(), "the outcome of a command could not be recorded");
            let problem = Problem::because(ProblemCode::OutcomeUnknown, "the outcome could not be recorded");
            Receipt { re, answer: Answer::Problem(problem), recorded: None, begins: None }
        }
    }
}

fn is_denied(answer: &Answer) -> bool {
    matches!(answer, Answer::Problem(problem) if matches!(problem.code, ProblemCode::Refused | ProblemCode::Clock))
}

fn came_to(answer: &Answer) -> CameTo {
    match answer {
        Answer::Ok(_) => CameTo::Done,
        Answer::Pending(_) => CameTo::Pending,
        Answer::Problem(problem) => CameTo::Problem(problem.code),
    }
}

/// How the journal calls the end that an answer tells of.
fn outcome_of(answer: &Answer) -> journal::Outcome {
    match answer {
        Answer::Ok(_) => journal::Outcome::Ok,
        Answer::Pending(_) => journal::Outcome::Pending,
        Answer::Problem(problem) => journal::Outcome::Problem(problem.code),
    }
}

/// Nothing was done, because it could not be written down.
pub(super) fn not_recorded(request: &Request, error: &NotRecorded) -> Stop {
    let code = match error {
        NotRecorded::Busy | NotRecorded::Full => ProblemCode::Busy,
        NotRecorded::Storage(_) => ProblemCode::NotRecorded,
    };
    Stop::refused(request, Problem::because(code, error.to_string()))
}

impl Recorded {
    pub(super) fn permit(&self) -> &Permit {
        self.input.affordance.fresh.permit()
    }

    pub(super) fn request(&self) -> &Request {
        self.input.request()
    }

    pub(super) fn target(&self) -> &Target {
        &self.input.affordance.target
    }

    /// The mark of what may move something; of a read, one that nobody keeps.
    pub(super) fn mark(&self) -> Mark {
        self.intent.as_ref().map(journal::Recorded::mark).unwrap_or_default()
    }

    /// The number of the intent in the journal, where there is one.
    pub(super) fn intent(&self) -> Option<u64> {
        self.intent.as_ref().map(journal::Recorded::seq)
    }
}
