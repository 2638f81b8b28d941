//! A command, from a sealed frame to a sealed answer: the typed steps of `Pipeline::walk`.
//!
//! Each step is a file and makes a type that nothing else can make and that the next one takes, so none can be left out
//! or passed in another order. [`Stop`] is what a step says instead. `session` owns the stream: it opens frames in the
//! order of their counter, runs [`Pipeline::answer`] for each, and seals what comes back.
//!
//! Nothing here knows the network, and no Thing learns who calls.

mod actions;
mod authenticate;
mod authorize;
mod caller;
mod callers;
mod counts;
mod deduplicate;
mod invoke;
mod long_answers;
mod open;
mod outbox;
mod read;
mod record;
mod resolve;
mod respond;
mod room;
mod stop;
mod unrecorded;
mod validate;
mod watch;

use std::sync::Arc;

use streembit_peer::message::{Problem, ProblemCode};

use crate::device::Device;
pub use actions::Actions;
pub(crate) use authorize::may_listen;
pub use caller::{Caller, Introduction};
pub use callers::{Callers, Place};
pub use counts::Counts;
pub use long_answers::LongAnswers;
pub use open::Opened;
pub use outbox::{MAX_SUBSCRIPTIONS, MAX_WAITING_EVENTS, Outbox, Topic};
pub use respond::{Answered, Following, Sealed};
pub use room::{
    Full, KEPT_FOR_OWNERS, MAX_SESSIONS, MAX_SESSIONS_OF_A_CONTACT, MAX_SESSIONS_OF_A_SOURCE, MAX_STRANGERS,
    MAX_STRANGERS_OF_A_SOURCE, Places,
};
pub use stop::Stop;
pub use watch::Watch;
pub(crate) use watch::offer;

use counts::CameTo;

/// Runs one step between its two failpoints.
macro_rules! step {
    ($name:literal, $step:expr) => {{
        const _: () = assert!($crate::failpoint::is_listed(concat!($name, "-before")), "list the step");
        const _: () = assert!($crate::failpoint::is_listed(concat!($name, "-after")), "list the step");
        $crate::failpoint::hit(concat!($name, "-before"));
        let made = $step;
        $crate::failpoint::hit(concat!($name, "-after"));
        made
    }};
}
pub(crate) use step;

/// What every command of this device goes through.
pub struct Pipeline {
    device: Arc<Device>,
}

impl Pipeline {
    /// The pipeline of a device.
    pub fn new(device: Arc<Device>) -> Self {
        Self { device }
    }

    /// The device that it commands.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Answers one message. `None` ends the session: what came is no request that its other side signed.
    pub async fn answer(&self, caller: &Arc<Caller>, opened: Opened) -> Option<Answered> {
        match self.walk(caller, opened).await {
            Ok(answered) => answered,
            Err(stop) => stop.answer(&self.device, caller),
        }
    }

    /// The steps of a command. Each line makes what only it can make, of what only the line before could.
    async fn walk(&self, caller: &Arc<Caller>, opened: Opened) -> Result<Option<Answered>, Stop> {
        let device = &self.device;
        // Signed by the session's other side, for this session, and not too old by the caller's own clock.
        let request = step!("authenticate", authenticate::authenticate(opened, caller, device.clock()))?;
        // Covered by what an owner granted to this contact, here and now.
        let permit = step!("authorize", authorize::authorize(request, caller, device))?;
        // Not asked before: what was done once is answered again and not done again.
        let fresh = step!("deduplicate", deduplicate::deduplicate(permit, device.journal()).await)?;
        // There is such a thing. Where not, the answer is that of a thing that is forbidden.
        let affordance = step!("resolve", resolve::resolve(fresh, device))?;
        // The input is what the affordance says it takes.
        let input = step!("validate", validate::validate(affordance, caller, device))?;
        // The intent is on disk before anything moves. Where it cannot be, nothing moves.
        let recorded = step!("record", record::record(input, caller, device).await)?;
        // The Thing does it, within its time.
        let outcome = step!("invoke", invoke::invoke(recorded, caller, device).await);
        // How it ended is on disk before anybody is told.
        let receipt = step!("record-outcome", record::record_outcome(outcome, caller, device).await);
        // Signed for this session; its writer seals it.
        Ok(step!("respond", respond::respond(receipt, caller, device)))
    }

    /// Refuses one more request of a session that has as many under way as it may.
    pub fn refuse_as_busy(&self, caller: &Caller, opened: &Opened) -> Option<Answered> {
        self.device.counts().command(None, CameTo::Problem(ProblemCode::Busy));
        let problem = Problem::because(ProblemCode::Busy, "too many requests of this session are under way");
        respond::problem(&self.device, caller, opened.claimed_hash()?, problem)
    }
}
