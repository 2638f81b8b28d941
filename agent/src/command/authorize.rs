//! Step 3: whether this caller may do this, here and now.

use streembit_keys::Thumbprint;
use streembit_peer::message::{Operation, Problem, ProblemCode, Request};

use super::authenticate::Authenticated;
use super::stop::denied_late;
use super::watch::operation_of;
use super::{Caller, Stop, Topic};
use crate::access::{self, Denied, Rights};
use crate::clock::Now;
use crate::device::Device;

/// A request that its caller may make.
#[derive(Debug)]
pub(super) struct Permit {
    request: Request,
    permit: access::Permit,
}

/// Asks the rights as they are now.
pub(super) fn authorize(
    Authenticated(request): Authenticated,
    caller: &Caller,
    device: &Device,
) -> Result<Permit, Stop> {
    match decide(&request, caller, device) {
        Ok(permit) => Ok(Permit { request, permit }),
        Err(denied) => Err(denial(&request, denied)),
    }
}

impl Permit {
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// Asks once more, right before something moves: rights may have changed while the intent went to disk.
    pub(super) fn still_holds(&self, caller: &Caller, device: &Device) -> Result<(), Problem> {
        match decide(&self.request, caller, device) {
            Ok(permit) if permit == self.permit && !caller.ended().is_cancelled() => Ok(()),
            // Nobody denies it, but its session has ended.
            Ok(_) => Err(Problem::new(ProblemCode::Refused)),
            Err(denied) => Err(denied_late(device, caller, &self.request, code_of(denied), denied.why())),
        }
    }
}

/// Whether a subscription may go on: by the operation that began it, with the rights and the time of now.
pub(crate) fn may_listen(rights: &Rights, who: &Thumbprint, topic: &Topic, now: Now) -> bool {
    let operation = operation_of(topic.kind);
    rights.permit(who, operation, &topic.thing, Some(&topic.affordance), now).is_ok()
}

/// Whether somebody may still ask how an action does that he started.
pub(super) fn may_ask(rights: &Rights, who: &Thumbprint, thing: &str, action: &str, now: Now) -> bool {
    rights.permit(who, Operation::QueryAction, thing, Some(action), now).is_ok()
}

fn decide(request: &Request, caller: &Caller, device: &Device) -> Result<access::Permit, Denied> {
    let (rights, who) = (device.rights(), caller.contact());
    let affordance = request.affordance.as_deref();
    let now = device.clock().now();
    // To knock needs no right, so it is asked first. (A contact may accept an invitation to more.)
    if &*request.thing == access::DEVICE && matches!(affordance, Some("pair" | "join")) {
        let open = device.pairing().is_open(now.monotonic);
        return rights.permit_entry(who, request.op, &request.thing, affordance, open, now);
    }
    rights.permit(who, request.op, &request.thing, affordance, now)
}

fn denial(request: &Request, denied: Denied) -> Stop {
    Stop::denied(request, code_of(denied), denied.why())
}

/// All that a caller learns of a denial.
fn code_of(denied: Denied) -> ProblemCode {
    match denied {
        // That a grant of one's own depends on the time is no secret, and says what to do about it.
        Denied::Clock => ProblemCode::Clock,
        Denied::Stranger | Denied::Revoked | Denied::Suspended | Denied::NoGrant | Denied::NotNow => {
            ProblemCode::Refused
        }
    }
}
