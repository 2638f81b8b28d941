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
    running.actions.lock().by_invocation.get_mut(&running.invocation).unwrap().pending = true;
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
    assert!(actions.end(invocation, "door", Ok(Some(json!(3)))));
    assert_eq!(status(), json!({ "status": "completed", "output": 3 }));
    assert_eq!(actions.running(&id(1), &me, "door", "travel"), Some(None), "over");
    assert!(!actions.end(invocation, "door", Ok(None)), "of two ends the first counts");
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
    assert!(!actions.end(invocation, "window", Ok(None)));
    assert!(!actions.end(invocation + 1, "door", Ok(None)));
    assert!(actions.end(invocation, "door", Ok(None)));
}

#[test]
fn an_action_that_was_answered_at_once_is_forgotten() {
    let actions = Arc::new(Actions::default());
    let running = start(&actions, 1, 1).unwrap();
    let invocation = running.invocation();
    drop(running);
    assert!(!actions.end(invocation, "door", Ok(None)));
    assert!(actions.lock().by_id.is_empty());
}

#[test]
fn an_end_that_comes_before_pending_is_kept() {
    let actions = Arc::new(Actions::default());
    let running = start(&actions, 1, 1).unwrap();
    assert!(!actions.end(running.invocation(), "door", Ok(None)), "not on disk yet that it runs");
    let invocation = pending(running);
    assert!(actions.ended(invocation).is_some());
}

#[test]
fn a_thing_that_goes_away_leaves_unknown_outcomes() {
    let actions = Arc::new(Actions::default());
    let invocation = pending(start(&actions, 1, 1).unwrap());
    assert!(actions.lose("window").is_empty());
    assert_eq!(actions.lose("door"), [invocation]);
    assert!(matches!(actions.ended(invocation), Some((_, Err(Fault::OutcomeUnknown(_))))));
}

#[test]
fn what_runs_is_bounded_for_a_caller_and_what_is_kept_for_all() {
    let actions = Arc::new(Actions::default());
    let running: Vec<_> = (0..MAX_RUNNING_OF_A_CALLER).map(|n| start(&actions, n, 1).unwrap()).collect();
    assert!(start(&actions, 1000, 1).is_err());
    assert!(start(&actions, 1000, 2).is_ok(), "another caller has room");
    drop(running);
    for n in 0..2 * MAX_KEPT {
        let invocation = pending(start(&actions, n, 1).unwrap());
        assert!(actions.end(invocation, "door", Ok(None)));
    }
    assert_eq!(actions.lock().by_invocation.len(), MAX_KEPT);
    assert_eq!(actions.lock().by_id.len(), MAX_KEPT);
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
