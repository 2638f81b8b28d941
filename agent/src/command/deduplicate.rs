//! Step 4: whether this was asked before.

use streembit_peer::message::{Problem, ProblemCode, Request};

use super::Stop;
use super::authorize::Permit;
use super::record::{changes_the_world, not_recorded};
use super::stop::Again;
use crate::journal::{Journal, NotRecorded, Seen};

/// A request that was not seen before, as far as a first look tells. The record that is made of it looks again, in one step
/// with writing it down.
#[derive(Debug)]
pub(super) struct Fresh {
    permit: Permit,
}

/// Looks for an earlier answer to the same call. Only what changes the world is looked for: a read asked twice is read
/// twice.
pub(super) async fn deduplicate(permit: Permit, journal: &Journal) -> Result<Fresh, Stop> {
    let request = permit.request();
    if !changes_the_world(request) {
        return Ok(Fresh { permit });
    }
    match journal.lookup(request.caller, request.id, &request.content_hash()).await {
        Ok(Seen::Fresh) => Ok(Fresh { permit }),
        Ok(seen) => Err(seen_before(request, seen)),
        Err(error) => Err(not_recorded(request, &NotRecorded::Storage(error.to_string()))),
    }
}

impl Fresh {
    pub(super) fn permit(&self) -> &Permit {
        &self.permit
    }

    pub(super) fn request(&self) -> &Request {
        self.permit.request()
    }
}

/// What somebody hears who asks again.
pub(super) fn seen_before(request: &Request, seen: Seen) -> Stop {
    match seen {
        Seen::Done(kept) => match serde_json::from_slice(&kept.answer) {
            Ok(answer) => {
                let (op, re, receipt) = (request.op, request.hash(), kept.receipt);
                Stop::Again(Box::new(Again { op, re, answer, receipt }))
            }
            Err(_) => Stop::refused(request, Problem::new(ProblemCode::OutcomeUnknown)),
        },
        Seen::Running => Stop::refused(request, Problem::new(ProblemCode::Running)),
        Seen::Unknown => Stop::refused(request, Problem::new(ProblemCode::OutcomeUnknown)),
        Seen::Fresh | Seen::Other => Stop::refused(request, Problem::new(ProblemCode::Duplicate)),
    }
}
