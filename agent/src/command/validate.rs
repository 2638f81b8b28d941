//! Step 6: whether the input is what the affordance takes.

use serde_json::Value;
use streembit_peer::message::{Operation, Problem, ProblemCode, Request};
use streembit_thing_descriptions::{DataSchema, Invalid};

use super::resolve::{Affordance, Target};
use super::{Caller, Stop, actions};
use crate::device::Device;

/// A request whose input matches what it is for.
pub(super) struct ValidatedInput {
    pub(super) affordance: Affordance,
}

/// Checks the input. The answer names the place that is wrong and never repeats the value, which may be a PIN.
pub(super) fn validate(
    affordance: Affordance,
    caller: &Caller,
    device: &Device,
) -> Result<ValidatedInput, Stop> {
    let request = affordance.request();
    let input = request.input.as_ref();
    match request.op {
        Operation::QueryAction | Operation::CancelAction => {
            actions::id_of(input).map_err(|why| invalid(request, "", why))?;
        }
        _ => fits(affordance.input_schema(device), input)
            .map_err(|error| invalid(request, &error.pointer, &error.detail))?,
    }
    if matches!(affordance.target, Target::Device) && request.op == Operation::InvokeAction {
        // A secret that does not prove is found here, before anything is written: strangers must not fill the journal.
        device.check_entry(caller, request).map_err(|problem| match problem.code {
            ProblemCode::Refused => Stop::forbidden(request, "a wrong secret"),
            _ => Stop::refused(request, problem),
        })?;
    }
    Ok(ValidatedInput { affordance })
}

impl ValidatedInput {
    pub(super) fn request(&self) -> &Request {
        self.affordance.request()
    }
}

/// Whether a value is what a schema says; without a schema there must be none.
pub(super) fn fits(schema: Option<&DataSchema>, value: Option<&Value>) -> Result<(), Invalid> {
    match (schema, value) {
        (None, None | Some(Value::Null)) => Ok(()),
        (None, Some(_)) => Err(Invalid {
            pointer: String::new(),
            rule: "none".into(),
            detail: "it takes no value".to_owned(),
        }),
        (Some(schema), value) => schema.check(value.unwrap_or(&Value::Null)),
    }
}

fn invalid(request: &Request, pointer: &str, why: &str) -> Stop {
    let problem = Problem {
        code: ProblemCode::InvalidInput,
        detail: Some(why.to_owned()),
        pointer: Some(pointer.to_owned()),
    };
    Stop::refused(request, problem)
}
