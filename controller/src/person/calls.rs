//! One operation on a device, to its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streembit_peer::client::{CallError, Closed, Connection, Subscription};
use streembit_peer::message::{Answer, Call as Message, Notification, Operation, Problem, Receipt, Response};

use super::{Person, problem};
use crate::door::{Answered, Call};
use crate::error::{Failure, Outcome};
use crate::home::{Contact, Head, HeadCheck};

/// How often a device is asked how an action is doing, where its own word about that was lost with the connection.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// An action's end is one notification.
const BACKLOG: usize = 4;

/// What came of a call, and in which session.
struct Exchanged {
    response: Response,
    subscription: Option<Subscription>,
    /// How often the device was made anew out of a backup, as it said in that session.
    generation: u32,
}

impl Person {
    /// Asks for one operation and waits for its end.
    pub(super) async fn call(&self, call: Call) -> Outcome<Answered> {
        let deadline = Instant::now() + call.timeout;
        let contact = self.contact(&call.device).await?;
        let place = place(&call);
        let Exchanged { response, subscription, generation } =
            self.exchange(&contact, &call, deadline).await?;
        let went_back = match &response.receipt {
            Some(receipt) => self.keep(&contact, receipt, generation).await?,
            None => None,
        };
        let older = contact.generation.filter(|known| generation < *known);
        let went_back = went_back.or_else(|| {
            older.map(|known| {
                format!("it was made out of a backup {known} times, and now it says {generation}")
            })
        });
        let receipt = response.receipt;
        match response.result {
            Answer::Ok(value) => Ok(Answered { value, pending: None, receipt, went_back }),
            Answer::Problem(found) => Err(problem::failure(&contact.name, &place, &found)),
            Answer::Pending(action) if call.wait => {
                let end = self.end_of(&contact, &call, &action.to_string(), subscription, deadline).await?;
                let value = completed(&contact.name, &place, &end)?;
                Ok(Answered { value, pending: None, receipt, went_back })
            }
            Answer::Pending(action) => {
                Ok(Answered { value: Value::Null, pending: Some(action.to_string()), receipt, went_back })
            }
        }
    }

    /// Gets the answer to a call. A call that was lost with its connection is asked once more in a new session: it has the
    /// same id there, so that the device does it once.
    async fn exchange(&self, contact: &Contact, call: &Call, deadline: Instant) -> Outcome<Exchanged> {
        let message = message(call)?;
        let mut sent_before = false;
        for last in [false, true] {
            let connection = match self.session(contact, remaining(deadline)).await {
                Ok(connection) => connection,
                // What changes nothing was not done: what the device says now is what counts.
                Err(_) if sent_before && call.op.changes_the_world() => return Err(lost(contact, call)),
                Err(failure) => return Err(failure),
            };
            match send(&connection, &message, call, remaining(deadline)).await {
                Ok((response, subscription)) => {
                    return Ok(Exchanged { response, subscription, generation: connection.generation() });
                }
                Err(CallError::TimedOut) => return Err(silent(contact, call)),
                Err(CallError::NotSent(Closed::NoRoom)) if !sent_before => {
                    return Err(problem::no_room(&contact.name));
                }
                Err(CallError::NotSent(_)) if !last => {}
                Err(CallError::Lost(_)) if !last => sent_before = true,
                Err(CallError::NotSent(why)) if !sent_before => {
                    return Err(Failure::unreachable(format!(
                        "{} closed the connection: {why}.",
                        contact.name
                    ))
                    .or("Try again in a moment."));
                }
                Err(_) => return Err(lost(contact, call)),
            }
        }
        Err(lost(contact, call))
    }

    /// The end of an action that runs on: `{"status": …, "output"?, "error"?}`.
    async fn end_of(
        &self,
        contact: &Contact,
        call: &Call,
        action: &str,
        subscription: Option<Subscription>,
        deadline: Instant,
    ) -> Outcome<Value> {
        let waiting = async {
            if let Some(mut subscription) = subscription
                && let Some(notification) = subscription.next().await
                && let Some(end) = told(notification)
            {
                return Ok(end);
            }
            // The notification was lost with its connection: from now on the device is asked.
            let query = Call {
                op: Operation::QueryAction,
                input: Some(json!({ "action": action })),
                wait: false,
                ..call.clone()
            };
            loop {
                match self.exchange(contact, &query, deadline).await?.response.result {
                    Answer::Ok(state) if state.get("status").is_some_and(|s| s == "running") => {}
                    Answer::Ok(state) => return Ok(state),
                    Answer::Problem(found) => {
                        return Err(problem::failure(&contact.name, &place(call), &found));
                    }
                    Answer::Pending(_) => {}
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        tokio::time::timeout(remaining(deadline), waiting).await.map_err(|_| {
            Failure::timed_out(format!("{} is still running, as action {action}.", place(call)))
                .or(format!("`streembit invoke {} --query {action}` asks how it is doing.", place(call)))
        })?
    }

    /// Keeps the receipt; says what was seen if it contradicts an earlier one.
    async fn keep(&self, contact: &Contact, receipt: &Receipt, generation: u32) -> Outcome<Option<String>> {
        let head = Head { seq: receipt.seq, head: receipt.head.to_string() };
        let key = contact.key.clone();
        self.contacts(move |contacts| match contacts.keep_receipt(&key, &head, generation)? {
            HeadCheck::Kept => Ok(None),
            HeadCheck::WentBack { before } => Ok(Some(format!("entry {} is not what it was", before.seq))),
        })
        .await
    }
}

async fn send(
    connection: &Connection,
    message: &Message,
    call: &Call,
    within: Duration,
) -> Result<(Response, Option<Subscription>), CallError> {
    if call.op == Operation::InvokeAction && call.wait {
        connection.subscribe(message, within, BACKLOG).await
    } else {
        connection.call(message, within).await.map(|response| (response, None))
    }
}

/// The message of a call, named once and for all.
fn message(call: &Call) -> Outcome<Message> {
    let affordance = call.affordance.as_deref().map(problem::name).transpose()?;
    let mut random = streembit_keys::rng::system();
    Message::new(call.op, problem::name(&call.thing)?, affordance, call.input.as_ref(), &mut random)
        .map_err(|e| Failure::invalid(format!("The value cannot be sent: {e}.")))
}

/// What was asked, as addresses are written.
fn place(call: &Call) -> String {
    let thing = format!("{}/{}", call.device, call.thing);
    call.affordance.as_ref().map_or(thing.clone(), |affordance| format!("{thing}/{affordance}"))
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// The end that a notification tells, if it is one.
fn told(notification: Notification) -> Option<Value> {
    match (notification.value, notification.problem) {
        (Some(state), _) if state.get("status").is_some() => Some(state),
        (_, Some(found)) => Some(json!({ "status": "failed", "error": found })),
        (Some(output), None) => Some(json!({ "status": "completed", "output": output })),
        (None, None) => None,
    }
}

/// The output of an action that has ended.
fn completed(device: &str, place: &str, end: &Value) -> Outcome<Value> {
    if end.get("status").is_some_and(|status| status == "completed") {
        return Ok(end.get("output").cloned().unwrap_or(Value::Null));
    }
    let found = end.get("error").cloned().and_then(|error| serde_json::from_value::<Problem>(error).ok());
    Err(match found {
        Some(found) => problem::failure(device, place, &found),
        None => Failure::because(format!("{place} failed.")),
    })
}

fn silent(contact: &Contact, call: &Call) -> Failure {
    let within = streembit_peer::words::show_duration(call.timeout);
    if call.op.changes_the_world() {
        Failure::outcome_unknown(format!(
            "{} did not answer within {within}: it may have happened.",
            contact.name
        ))
    } else {
        Failure::timed_out(format!("{} did not answer within {within}.", contact.name))
            .or("Give it longer with `--timeout`, or try again.")
    }
}

fn lost(contact: &Contact, call: &Call) -> Failure {
    if call.op.changes_the_world() {
        Failure::outcome_unknown(format!(
            "The connection to {} broke before its answer came: it may have happened.",
            contact.name
        ))
    } else {
        Failure::unreachable(format!("The connection to {} broke.", contact.name))
            .or("Try again in a moment.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn an_ended_action_has_an_output_or_a_reason() {
        assert_eq!(completed("d", "d/t/a", &json!({"status": "completed", "output": 7})), Ok(json!(7)));
        assert_eq!(completed("d", "d/t/a", &json!({"status": "completed"})), Ok(Value::Null));
        let failed = json!({"status": "failed", "error": {"code": "timed-out"}});
        assert_eq!(completed("d", "d/t/a", &failed).unwrap_err().exit, Exit::TimedOut);
        assert_eq!(completed("d", "d/t/a", &json!({"status": "failed"})).unwrap_err().exit, Exit::Failure);
    }

    #[test]
    fn silence_after_an_action_is_an_unknown_outcome_and_after_a_read_is_not() {
        let call = |op| Call {
            device: "d".into(),
            op,
            thing: "t".into(),
            affordance: Some("a".into()),
            input: None,
            timeout: Duration::from_secs(1),
            wait: true,
        };
        let key = streembit_keys::PrivateKey::generate(&mut streembit_keys::rng::system());
        let contact = Contact::of("d", key.public().clone());
        for op in [Operation::InvokeAction, Operation::WriteProperty, Operation::CancelAction] {
            assert_eq!(silent(&contact, &call(op)).exit, Exit::OutcomeUnknown);
            assert_eq!(lost(&contact, &call(op)).exit, Exit::OutcomeUnknown);
        }
        assert_eq!(silent(&contact, &call(Operation::ReadProperty)).exit, Exit::TimedOut);
        assert_eq!(lost(&contact, &call(Operation::ReadProperty)).exit, Exit::Unreachable);
    }
}
