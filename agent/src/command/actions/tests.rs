use serde_json::json;
use streembit_peer::message::ProblemCode;

use super::table::{
    FREE_TO_ALL, MAX_KEPT, MAX_KEPT_OF_A_CALLER, MAX_OUTPUTS, MAX_OUTPUTS_OF_A_CALLER, MAX_RUNNING,
    MAX_RUNNING_OF_A_CALLER,
};
use super::*;

fn started(contact: u8) -> Started {
    Started {
        caller: Weak::new(),
        contact: Thumbprint::from_bytes([contact; 32]),
        intent: None,
        re: RequestHash::from_bytes([0; 32]),
        thing: "door".parse().unwrap(),
        action: "travel".parse().unwrap(),
    }
}

fn id(n: usize) -> ActionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    ActionId::from_bytes(bytes)
}

/// As [`Running::pending`] does, without a device.
fn pending(mut running: Running) -> u64 {
    running.pending = true;
    running.actions.lock().pending(running.invocation);
    running.invocation
}

fn start(actions: &Arc<Actions>, n: usize, contact: u8) -> Result<Running, TooManyActions> {
    Arc::clone(actions).start(id(n), started(contact))
}

#[test]
fn a_pending_action_can_be_asked_about_until_and_after_its_end() {
    let actions = Arc::new(Actions::default());
    let me = Thumbprint::from_bytes([1; 32]);
    let invocation = pending(start(&actions, 1, 1).unwrap());
    let status = || actions.query(&id(1), &me, "door", "travel").unwrap().0;
    assert_eq!(status(), json!({ "status": "running" }));
    assert_eq!(actions.running(&id(1), &me, "door", "travel"), Some(Some(invocation)));
    assert!(actions.end(invocation, "door", Ok(Some(json!(3)))).is_some());
    assert_eq!(status(), json!({ "status": "completed", "output": 3 }));
    assert_eq!(actions.running(&id(1), &me, "door", "travel"), Some(None), "over");
    assert!(actions.end(invocation, "door", Ok(None)).is_none(), "of two ends the first counts");
    assert_eq!(status(), json!({ "status": "completed", "output": 3 }));
}

#[test]
fn another_callers_action_or_another_affordance_does_not_exist() {
    let actions = Arc::new(Actions::default());
    pending(start(&actions, 1, 1).unwrap());
    let (me, other) = (Thumbprint::from_bytes([1; 32]), Thumbprint::from_bytes([2; 32]));
    assert_eq!(actions.query(&id(1), &other, "door", "travel"), None);
    assert_eq!(actions.query(&id(1), &me, "door", "open"), None);
    assert_eq!(actions.query(&id(1), &me, "window", "travel"), None);
    assert_eq!(actions.query(&id(2), &me, "door", "travel"), None);
    assert_eq!(actions.running(&id(1), &other, "door", "travel"), None);
}

#[test]
fn a_thing_ends_its_own_actions_only() {
    let actions = Arc::new(Actions::default());
    let invocation = pending(start(&actions, 1, 1).unwrap());
    assert!(actions.end(invocation, "window", Ok(None)).is_none());
    assert!(actions.end(invocation + 1, "door", Ok(None)).is_none());
    assert!(actions.end(invocation, "door", Ok(None)).is_some());
}

#[test]
fn an_action_that_was_answered_at_once_is_forgotten() {
    let actions = Arc::new(Actions::default());
    let running = start(&actions, 1, 1).unwrap();
    let invocation = running.invocation();
    drop(running);
    assert!(actions.end(invocation, "door", Ok(None)).is_none());
    assert_eq!(actions.lock().len(), (0, 0));
}

#[test]
fn an_end_that_comes_before_pending_is_kept() {
    let actions = Arc::new(Actions::default());
    let mut running = start(&actions, 1, 1).unwrap();
    assert!(actions.end(running.invocation(), "door", Ok(None)).is_none(), "not on disk yet that it runs");
    running.pending = true;
    assert!(actions.lock().pending(running.invocation).is_some());
}

#[test]
fn a_thing_that_goes_away_leaves_unknown_outcomes() {
    let actions = Arc::new(Actions::default());
    let invocation = pending(start(&actions, 1, 1).unwrap());
    assert!(actions.lose("window").is_empty());
    let lost = actions.lose("door");
    let codes: Vec<_> = lost.into_iter().map(|ended| ended.outcome.unwrap_err().code).collect();
    assert_eq!(codes, [ProblemCode::OutcomeUnknown]);
    assert!(actions.end(invocation, "door", Ok(None)).is_none());
}

/// Starts an action that runs on, and ends it.
fn ended(actions: &Arc<Actions>, n: usize, contact: u8, output: Option<Value>) {
    let invocation = pending(start(actions, n, contact).unwrap());
    assert!(actions.end(invocation, "door", Ok(output)).is_some());
}

fn is_kept(actions: &Actions, n: usize, contact: u8) -> bool {
    actions.query(&id(n), &Thumbprint::from_bytes([contact; 32]), "door", "travel").is_some()
}

#[test]
fn what_runs_is_bounded_for_a_caller() {
    let actions = Arc::new(Actions::default());
    let running: Vec<_> = (0..MAX_RUNNING_OF_A_CALLER).map(|n| start(&actions, n, 1).unwrap()).collect();
    assert!(start(&actions, 1000, 1).is_err());
    assert!(start(&actions, 1000, 2).is_ok(), "another caller has room");
    drop(running);
    assert!(start(&actions, 1000, 1).is_ok());
}

#[test]
fn actions_that_never_end_leave_room_for_everybody_else() {
    let actions = Arc::new(Actions::default());
    for n in 0.. {
        let contact = u8::try_from(n / MAX_RUNNING_OF_A_CALLER).unwrap();
        let Ok(running) = start(&actions, n, contact) else { break };
        pending(running);
    }
    assert!(actions.lock().len().0 >= MAX_RUNNING);
    for contact in 100..200 {
        for n in 0..FREE_TO_ALL {
            pending(start(&actions, 10_000 + 10 * usize::from(contact) + n, contact).unwrap());
        }
        assert!(start(&actions, 9999, contact).is_err(), "and no more while the others run");
    }
}

#[test]
fn what_is_over_is_bounded_for_a_caller_and_for_all_and_the_oldest_goes() {
    let actions = Arc::new(Actions::default());
    ended(&actions, 9999, 200, None);
    for n in 0..2 * MAX_KEPT_OF_A_CALLER {
        ended(&actions, n, 1, None);
    }
    assert!(is_kept(&actions, 9999, 200), "nobody's goes for another's while there is room for all");
    assert!(!is_kept(&actions, MAX_KEPT_OF_A_CALLER - 1, 1) && is_kept(&actions, MAX_KEPT_OF_A_CALLER, 1));
    for n in 0..2 * MAX_KEPT {
        ended(&actions, 10_000 + n, u8::try_from(n % 100).unwrap(), None);
    }
    assert_eq!(actions.lock().len(), (MAX_KEPT, MAX_KEPT));
    assert!(!is_kept(&actions, 9999, 200));
}

#[test]
fn the_outputs_that_are_kept_are_bounded_in_bytes() {
    let actions = Arc::new(Actions::default());
    let long = json!("x".repeat(MAX_OUTPUTS_OF_A_CALLER / 4));
    ended(&actions, 1000, 2, Some(long.clone()));
    for n in 0..10 {
        ended(&actions, n, 1, Some(long.clone()));
    }
    let kept: Vec<_> = (0..10).filter(|n| is_kept(&actions, *n, 1)).collect();
    assert_eq!(kept, [7, 8, 9]);
    assert!(is_kept(&actions, 1000, 2), "somebody else's is not counted");
    let outputs = 3 * MAX_OUTPUTS / long.to_string().len();
    for n in 0..outputs {
        ended(&actions, 2000 + n, u8::try_from(n % 100).unwrap(), Some(long.clone()));
    }
    assert!(actions.lock().len().0 * long.to_string().len() <= MAX_OUTPUTS);
}

#[test]
fn an_output_that_is_longer_than_may_be_kept_is_no_success_without_it() {
    let actions = Arc::new(Actions::default());
    let invocation = pending(start(&actions, 1, 1).unwrap());
    let output = json!("x".repeat(MAX_OUTPUTS_OF_A_CALLER));
    let ended = actions.end(invocation, "door", Ok(Some(output))).unwrap();
    assert!(ended.outcome.unwrap_err().detail.is_some());
    assert!(is_kept(&actions, 1, 1));
}

#[test]
fn an_end_that_is_not_told_as_pending_yet_is_never_forgotten() {
    let actions = Arc::new(Actions::default());
    let mut running = start(&actions, 9999, 1).unwrap();
    assert!(actions.end(running.invocation(), "door", Ok(Some(json!("kept")))).is_none());
    for n in 0..2 * MAX_KEPT {
        ended(&actions, n, u8::try_from(n % 100).unwrap(), None);
    }
    running.pending = true;
    let told = actions.lock().pending(running.invocation).unwrap();
    assert_eq!(told.outcome, Ok(Some(json!("kept").into())));
}

#[test]
fn an_id_is_all_that_the_input_may_hold() {
    let text = id(1).to_string();
    assert_eq!(id_of(Some(&json!({ "action": text }))), Ok(id(1)));
    for wrong in [
        json!({}),
        json!({ "action": 1 }),
        json!({ "action": "x" }),
        json!({ "action": text, "more": 1 }),
        json!(text),
    ] {
        assert!(id_of(Some(&wrong)).is_err(), "{wrong}");
    }
    assert!(id_of(None).is_err());
}
