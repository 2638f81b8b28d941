//! Step 8: the Thing does it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use streembit_peer::message::{ActionId, Answer, Operation, Problem, ProblemCode, Request};

use super::actions::{self, Running, Started};
use super::outbox::TooMany;
use super::record::Recorded;
use super::resolve::Target;
use super::stop::denied_late;
use super::validate::fits;
use super::watch::kind_of;
use super::{Caller, Topic};
use crate::device::Device;
use crate::things::{ActionEnd, Completion, Fault, Invocation, Thing};

/// How long a Thing may take for its first answer. What takes longer is an action, and says `pending`. A person waits
/// no longer than this for a door either.
const DEADLINE: Duration = Duration::from_secs(10);

/// What came of a command.
pub(super) struct Outcome {
    pub(super) recorded: Recorded,
    pub(super) answer: Answer,
    pub(super) begins: Option<Topic>,
    /// The action that runs on.
    pub(super) running: Option<Running>,
}

/// What a Thing, or the device, did.
enum Done {
    /// It answered, with a value where it has one to say.
    Answered(Value),
    /// It started an action that runs on.
    Runs(ActionId, Running),
    /// It will tell of a topic.
    Begins(Topic),
}

/// Hands the command to its Thing, unless the rights to it ended while the intent went to disk. If they end while the
/// Thing works, nobody waits for it any longer and its outcome is unknown.
pub(super) async fn invoke(recorded: Recorded, caller: &Arc<Caller>, device: &Arc<Device>) -> Outcome {
    let done = match recorded.permit().still_holds(caller, device) {
        Ok(()) => Call { recorded: &recorded, request: recorded.request(), caller, device }.make().await,
        Err(problem) => Err(problem),
    };
    let (answer, running, begins) = match done {
        Ok(Done::Answered(value)) => (Answer::Ok(value), None, None),
        Ok(Done::Runs(id, running)) => (Answer::Pending(id), Some(running), None),
        Ok(Done::Begins(topic)) => (Answer::Ok(Value::Null), None, Some(topic)),
        Err(problem) => (Answer::Problem(problem), None, None),
    };
    Outcome { recorded, answer, running, begins }
}

/// One command on its way.
pub(super) struct Call<'a> {
    recorded: &'a Recorded,
    pub(super) request: &'a Request,
    pub(super) caller: &'a Arc<Caller>,
    pub(super) device: &'a Arc<Device>,
}

impl Call<'_> {
    /// Does it, within its time and while the session lasts.
    async fn make(&self) -> Result<Done, Problem> {
        if matches!(self.target(), Target::Device) {
            // What the device does itself is bounded already, and must not be left half done: a change of rights may end
            // the very session that brought it.
            self.begin()?;
            return self.perform().await;
        }
        tokio::select! {
            biased;
            () = self.caller.ended().cancelled() => Err(self.given_up(ProblemCode::Refused, "the session ended")),
            done = tokio::time::timeout(self.time_left(), self.perform()) => {
                done.unwrap_or_else(|_| Err(self.given_up(ProblemCode::TimedOut, "no answer in time")))
            }
        }
    }

    async fn perform(&self) -> Result<Done, Problem> {
        match self.request.op {
            Operation::ReadProperty => self.read(self.name()).await.map(Done::Answered),
            Operation::ReadAllProperties => self.read_all().await.map(Done::Answered),
            Operation::WriteProperty => self.write().await,
            Operation::InvokeAction => self.invoke_action().await,
            Operation::QueryAction => self.query_action(),
            Operation::CancelAction => self.cancel_action().await,
            Operation::ObserveProperty | Operation::SubscribeEvent => self.subscribe(),
            Operation::UnobserveProperty | Operation::UnsubscribeEvent => self.unsubscribe(),
        }
    }

    pub(super) fn target(&self) -> &Target {
        self.recorded.target()
    }

    /// Nobody waits for the Thing any longer. It may be at work still, so of what moves something nobody knows the outcome.
    fn given_up(&self, code: ProblemCode, why: &str) -> Problem {
        let may_move = self.request.op.changes_the_world();
        Problem::because(if may_move { ProblemCode::OutcomeUnknown } else { code }, why)
    }

    /// Before a Thing gets the command: one that makes no marks may move something at once.
    fn hand_over(&self, thing: &dyn Thing) -> Result<(), Problem> {
        if thing.marks() { Ok(()) } else { self.begin() }
    }

    /// From here on the command may have taken effect.
    fn begin(&self) -> Result<(), Problem> {
        let begun = self.recorded.mark().begin();
        begun.map_err(|error| Problem::because(ProblemCode::NotRecorded, error.to_string()))
    }

    /// What a call of a Thing that moves something comes to. The Thing has ended with it, one way or the other.
    fn came_to(&self, thing: &dyn Thing, problem: Problem) -> Problem {
        match problem.code {
            // It was cut off after it had moved something.
            ProblemCode::TimedOut if self.recorded.mark().has_moved() => {
                Problem { code: ProblemCode::OutcomeUnknown, ..problem }
            }
            // It ended in the middle, and before it had moved anything.
            ProblemCode::OutcomeUnknown if thing.marks() && !self.recorded.mark().has_moved() => {
                Problem { code: ProblemCode::Unavailable, ..problem }
            }
            _ => problem,
        }
    }

    /// The affordance. Resolving has seen that there is one, where the operation is about one.
    fn name(&self) -> &str {
        self.request.affordance.as_deref().unwrap_or_default()
    }

    async fn write(&self) -> Result<Done, Problem> {
        let value = self.request.input.clone().unwrap_or(Value::Null);
        match self.target() {
            Target::Thing(thing) => {
                self.hand_over(&**thing)?;
                let written = thing.write_property(self.name(), value, self.recorded.mark()).await;
                let written = written.map(|()| Done::Answered(Value::Null));
                written.map_err(|fault| self.came_to(&**thing, Problem::from(&fault)))
            }
            // Its model has nothing to write.
            Target::Device => Err(Problem::new(ProblemCode::Refused)),
        }
    }

    async fn invoke_action(&self) -> Result<Done, Problem> {
        let Target::Thing(thing) = self.target() else {
            return self.device.act(self.caller, self.request).await.map(Done::Answered);
        };
        let (actions, action) = (self.device.actions(), self.name());
        self.device.watch().ensure(self.device, &self.request.thing, thing);
        let id = ActionId::from_bytes(streembit_keys::rng::bytes(&mut streembit_keys::rng::system()));
        let started = Started {
            caller: Arc::downgrade(self.caller),
            contact: *self.caller.contact(),
            re: self.request.hash(),
            intent: self.recorded.intent(),
            thing: self.request.thing.clone(),
            action: action.parse().map_err(|_| Problem::new(ProblemCode::Refused))?,
        };
        let busy = |error: actions::TooManyActions| Problem::because(ProblemCode::Busy, error.to_string());
        let running = Arc::clone(actions).start(id, started).map_err(busy)?;
        let mark = self.recorded.mark();
        let (end, ended) = ActionEnd::new();
        let call = Invocation { id: running.invocation(), deadline: self.time_left(), mark, end };
        self.hand_over(&**thing)?;
        let completion = thing.invoke_action(action, self.request.input.clone(), call).await;
        let schema = thing.model().action(action).and_then(|action| action.output.as_ref());
        match completion.map_err(|fault| self.came_to(&**thing, Problem::from(&fault)))? {
            Completion::Done(output) => {
                fits(schema, output.as_ref()).map_err(|error| outside(&error.to_string()))?;
                Ok(Done::Answered(output.unwrap_or(Value::Null)))
            }
            Completion::Pending => {
                let (thing, output) = (self.request.thing.clone(), schema.cloned());
                actions::await_end(self.device, running.invocation(), thing, output, ended);
                Ok(Done::Runs(id, running))
            }
        }
    }

    fn query_action(&self) -> Result<Done, Problem> {
        let id =
            actions::id_of(self.request.input.as_ref()).map_err(|_| Problem::new(ProblemCode::Refused))?;
        let status =
            self.device.actions().query(&id, self.caller.contact(), &self.request.thing, self.name());
        status.map(|status| Done::Answered(status.0)).ok_or_else(|| self.denied(NOT_ITS_ACTION))
    }

    async fn cancel_action(&self) -> Result<Done, Problem> {
        let refused = || Problem::new(ProblemCode::Refused);
        let id = actions::id_of(self.request.input.as_ref()).map_err(|_| refused())?;
        let running =
            self.device.actions().running(&id, self.caller.contact(), &self.request.thing, self.name());
        // One that is over needs no cancelling, and cancelling twice is as good as once.
        let Some(invocation) = running.ok_or_else(|| self.denied(NOT_ITS_ACTION))? else {
            return Ok(Done::Answered(Value::Null));
        };
        let Target::Thing(thing) = self.target() else { return Err(refused()) };
        // What follows moves in the name of the action, so that nobody can tell what the cancelling has moved.
        self.begin()?;
        let cancelled = thing.cancel_action(invocation).await;
        cancelled.map(|()| Done::Answered(Value::Null)).map_err(|fault| Problem::from(&fault))
    }

    /// Denied here, where only the owner may know the reason.
    pub(super) fn denied(&self, why: &'static str) -> Problem {
        denied_late(self.device, self.caller, self.request, ProblemCode::Refused, why)
    }

    fn subscribe(&self) -> Result<Done, Problem> {
        let topic = self.topic().ok_or(Problem::new(ProblemCode::Refused))?;
        if let Target::Thing(thing) = self.target() {
            self.device.watch().ensure(self.device, &self.request.thing, thing);
        }
        let busy = |error: TooMany| Problem::because(ProblemCode::Busy, error.to_string());
        self.caller.outbox().subscribe(topic.clone(), self.request.hash()).map_err(busy)?;
        Ok(Done::Begins(topic))
    }

    fn unsubscribe(&self) -> Result<Done, Problem> {
        let topic = self.topic().ok_or(Problem::new(ProblemCode::Refused))?;
        // To end what is not there is as good as to end it.
        self.device.watch().all_offered();
        self.caller.outbox().unsubscribe(&topic);
        Ok(Done::Answered(Value::Null))
    }

    fn topic(&self) -> Option<Topic> {
        let affordance = self.request.affordance.clone()?;
        Some(Topic { kind: kind_of(self.request.op)?, thing: self.request.thing.clone(), affordance })
    }

    /// Until the deadline, or until the request expires if that is sooner.
    fn time_left(&self) -> Duration {
        let now = self.caller.now(self.device.clock().monotonic());
        let valid = u64::try_from(self.request.exp.saturating_sub(now)).unwrap_or(0);
        // Times travel in whole seconds: a request in its last one has that second still.
        DEADLINE.min(Duration::from_secs(valid.saturating_add(1)))
    }
}

/// Of somebody else, of another affordance, or long forgotten.
const NOT_ITS_ACTION: &str = "no such action of this caller";

pub(super) fn outside(why: &str) -> Problem {
    Problem::because(ProblemCode::Failed, format!("the Thing answered outside its own schema: {why}"))
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Self {
        let (code, detail) = match fault {
            Fault::Busy(why) => (ProblemCode::Busy, why),
            Fault::InvalidValue(why) => (ProblemCode::InvalidInput, why),
            Fault::TimedOut(why) => (ProblemCode::TimedOut, why),
            Fault::Unavailable(why) => (ProblemCode::Unavailable, why),
            Fault::Failed(why) => (ProblemCode::Failed, why),
            Fault::OutcomeUnknown(why) => (ProblemCode::OutcomeUnknown, why),
        };
        // A plugin's own words, so their length is bounded here.
        Self::because(code, detail.chars().take(MAX_DETAIL).collect::<String>())
    }
}

/// Characters of a plugin's words that reach a caller: a sentence or two.
const MAX_DETAIL: usize = 256;
