//! A device's problem codes, as a person's program tells them.

use streembit_peer::message::{Problem, ProblemCode};

use crate::error::{Failure, Outcome};
use crate::output::printable;

/// What a device's problem means here. `place` is what was asked (`garage/door/open`).
pub(super) fn failure(device: &str, place: &str, problem: &Problem) -> Failure {
    // That it refused is said by the exit code, and alike by whoever said it.
    let word = (problem.code != ProblemCode::Refused).then_some(problem.code);
    Failure { problem: word, ..told(device, place, problem) }
}

fn told(device: &str, place: &str, problem: &Problem) -> Failure {
    // The detail is the device's, or its plugin's: text from elsewhere.
    let detail = problem.detail.as_deref().map(|text| format!(" ({})", printable(text))).unwrap_or_default();
    match problem.code {
        ProblemCode::Refused => Failure::refused(device),
        ProblemCode::InvalidInput => {
            let at = match problem.pointer.as_deref() {
                Some("") | None => String::new(),
                Some(pointer) => format!(" at {}", printable(pointer)),
            };
            Failure::invalid(format!("{place} does not take this value{at}{detail}."))
                .or(format!("`streembit td {}` shows what it takes.", thing_of(place)))
        }
        ProblemCode::Clock => Failure::new(
            crate::error::Exit::Refused,
            format!("Your right depends on the time, and {device} has no clock that it trusts now{detail}."),
        )
        .or("It gets the time from the network or from an owner's next command."),
        ProblemCode::Busy => {
            Failure::because(format!("{device} is busy{detail}.")).or("Try again in a moment.")
        }
        ProblemCode::TimedOut => Failure::timed_out(format!(
            "{place} did not answer {device} in time: it may have happened{detail}."
        ))
        .or("Look at the state before you ask again."),
        ProblemCode::OutcomeUnknown => Failure::outcome_unknown(format!(
            "{device} was interrupted in the middle of it: it may have happened{detail}."
        )),
        ProblemCode::Unavailable => Failure::because(format!("{place} is not available now{detail}."))
            .or(format!("`streembit device status {device}` says more.")),
        ProblemCode::Failed => Failure::because(format!("{place} failed{detail}.")),
        ProblemCode::NotRecorded => {
            Failure::because(format!("{device} cannot write its journal, so nothing was done{detail}."))
                .or("Its disk may be full: whoever looks after it should see to that.")
        }
        ProblemCode::Running => Failure::because(format!("{place} is still running{detail}.")),
        ProblemCode::Expired => {
            Failure::because(format!("The request came too late or its time was not right{detail}."))
                .or("Try again; if it stays so, set this machine's clock.")
        }
        ProblemCode::OutputLost => {
            Failure::because(format!("{place} was done, and its output is lost{detail}."))
                .or("Look at the state instead of asking again.")
        }
        ProblemCode::Duplicate => {
            Failure::because(format!("{device} knows another request by this name{detail}.")).or("Try again.")
        }
    }
}

/// The device has no place for one more session of ours. It has looked at nothing that was asked.
pub(super) fn no_room(device: &str) -> Failure {
    Failure::unreachable(format!("{device} has no room for another session: nothing was done."))
        .or("Close other programs of yours that are connected to it, or try again in a moment.")
}

/// The Thing of an address.
fn thing_of(place: &str) -> &str {
    place.rsplit_once('/').map_or(place, |(thing, _)| thing)
}

/// A name as messages take it.
pub(super) fn name(text: &str) -> Outcome<streembit_peer::message::Name> {
    text.parse().map_err(|_| Failure::usage(format!("`{}` is no name.", printable(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn every_code_has_its_exit_code_and_most_a_remedy() {
        let exit = |code| failure("garage", "garage/door/open", &Problem::new(code)).exit;
        assert_eq!(exit(ProblemCode::Refused), Exit::Refused);
        assert_eq!(exit(ProblemCode::Clock), Exit::Refused);
        assert_eq!(exit(ProblemCode::InvalidInput), Exit::InvalidInput);
        assert_eq!(exit(ProblemCode::TimedOut), Exit::TimedOut);
        assert_eq!(exit(ProblemCode::OutcomeUnknown), Exit::OutcomeUnknown);
        for code in [
            ProblemCode::Busy,
            ProblemCode::Unavailable,
            ProblemCode::Failed,
            ProblemCode::NotRecorded,
            ProblemCode::Running,
            ProblemCode::Expired,
            ProblemCode::Duplicate,
            ProblemCode::OutputLost,
        ] {
            assert_eq!(exit(code), Exit::Failure, "{code}");
        }
    }

    #[test]
    fn an_invalid_value_is_told_with_its_place() {
        let problem = Problem {
            code: ProblemCode::InvalidInput,
            detail: Some("200 is more than 100\u{1b}[2J".into()),
            pointer: Some("/speed".into()),
        };
        assert_eq!(
            failure("garage", "garage/door/move", &problem).to_string(),
            "garage/door/move does not take this value at /speed (200 is more than 100\\u{1b}[2J). \
             `streembit td garage/door` shows what it takes."
        );
    }
}
