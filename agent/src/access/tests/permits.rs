//! Who may do what: beside each yes stands the no that is closest to it.

use super::*;

const THING_OPS: [Operation; 10] = Operation::ALL;

fn name_for(op: Operation) -> Option<&'static str> {
    op.names_an_affordance().then_some("anything")
}

#[test]
fn roles_on_a_thing() {
    let reads = [
        Operation::ReadProperty,
        Operation::ReadAllProperties,
        Operation::ObserveProperty,
        Operation::UnobserveProperty,
        Operation::SubscribeEvent,
        Operation::UnsubscribeEvent,
    ];
    for (role, allowed) in [
        (Role::Owner, &THING_OPS[..]),
        (Role::Operator, &THING_OPS[..]),
        (Role::Viewer, &reads[..]),
        (Role::Guest, &[]),
    ] {
        let mut world = World::claimed();
        let key = world.admit(role, vec![]);
        for op in THING_OPS {
            let permit = world.rights.permit(&id(&key), op, "door", name_for(op), at(NOON));
            assert_eq!(permit.is_ok(), allowed.contains(&op), "{role} {op}");
        }
    }
}

#[test]
fn a_permit_says_what_it_is_for() {
    let world = World::claimed();
    let permit = world
        .rights
        .permit(&world.owner_id(), Operation::InvokeAction, "door", Some("open"), at(NOON))
        .unwrap();
    assert_eq!(
        (permit.who(), permit.op(), permit.thing(), permit.affordance()),
        (world.owner_id(), Operation::InvokeAction, "door", Some("open"))
    );
}

#[test]
fn strangers_and_the_revoked_get_nothing() {
    let mut world = World::claimed();
    let key = world.admit(Role::Operator, vec![]);
    let may = |world: &World| {
        world.rights.permit(&id(&key), Operation::ReadProperty, "door", Some("state"), at(NOON)).map(|_| ())
    };
    assert_eq!(may(&world), Ok(()));
    world.owner_does(Change::Revoke { contact: id(&key) }).unwrap();
    assert_eq!(may(&world), Err(Denied::Revoked));
    let stranger = new_key();
    let op = Operation::ReadProperty;
    assert_eq!(
        world.rights.permit(&id(&stranger), op, "door", Some("state"), at(NOON)),
        Err(Denied::Stranger)
    );
    assert_eq!(world.rights.allowed(&id(&stranger), "door", at(NOON)).unwrap_err(), Denied::Stranger);
}

#[test]
fn a_grant_covers_its_thing_affordance_and_operation_and_nothing_beside_them() {
    let world = World::with_guest(vec![grant("door", &["open", "close"], &[Operation::InvokeAction])]);
    let may = |op, thing, name| world.may_at(NOON, op, thing, name);
    assert_eq!(may(Operation::InvokeAction, "door", "open"), Ok(()));
    assert_eq!(may(Operation::InvokeAction, "door", "close"), Ok(()));
    assert_eq!(may(Operation::InvokeAction, "door", "stop"), Err(Denied::NoGrant));
    assert_eq!(may(Operation::InvokeAction, "gate", "open"), Err(Denied::NoGrant));
    assert_eq!(may(Operation::InvokeAction, "door", "Open"), Err(Denied::NoGrant));
    assert_eq!(may(Operation::InvokeAction, "door2", "open"), Err(Denied::NoGrant));
    for op in THING_OPS {
        let expected = matches!(op, Operation::InvokeAction | Operation::QueryAction);
        let name = op.names_an_affordance().then_some("open");
        let permit = world.rights.permit(&world.guest_id(), op, "door", name, at(NOON));
        assert_eq!(permit.is_ok(), expected, "{op}");
    }
}

#[test]
fn wildcards_cover_what_they_say() {
    let any_name = World::with_guest(vec![grant("door", &["*"], &[Operation::ReadProperty])]);
    assert_eq!(any_name.may_at(NOON, Operation::ReadProperty, "door", "whatever"), Ok(()));
    assert_eq!(any_name.may_at(NOON, Operation::ReadProperty, "gate", "whatever"), Err(Denied::NoGrant));
    let any_thing = World::with_guest(vec![grant("*", &["state"], &[Operation::ReadProperty])]);
    assert_eq!(any_thing.may_at(NOON, Operation::ReadProperty, "gate", "state"), Ok(()));
    assert_eq!(any_thing.may_at(NOON, Operation::ReadProperty, "gate", "key"), Err(Denied::NoGrant));
}

#[test]
fn what_one_may_begin_one_may_end_and_no_more() {
    for (given, implied, not) in [
        (Operation::ObserveProperty, Operation::UnobserveProperty, Operation::ReadProperty),
        (Operation::SubscribeEvent, Operation::UnsubscribeEvent, Operation::ObserveProperty),
        (Operation::InvokeAction, Operation::QueryAction, Operation::CancelAction),
        (Operation::ReadProperty, Operation::ReadAllProperties, Operation::ObserveProperty),
        (Operation::WriteProperty, Operation::WriteProperty, Operation::ReadAllProperties),
    ] {
        let world = World::with_guest(vec![grant("door", &["it"], &[given])]);
        let may = |op: Operation| {
            let name = op.names_an_affordance().then_some("it");
            world.rights.permit(&world.guest_id(), op, "door", name, at(NOON)).is_ok()
        };
        assert!(may(given) && may(implied), "{given} gives {implied}");
        assert!(!may(not), "{given} does not give {not}");
    }
    // And not the other way round.
    let world = World::with_guest(vec![grant("door", &["it"], &[Operation::UnobserveProperty])]);
    assert_eq!(world.may_at(NOON, Operation::ObserveProperty, "door", "it"), Err(Denied::NoGrant));
}

#[test]
fn an_operation_and_its_affordance_go_together() {
    let world = World::claimed();
    let may = |op, name| world.rights.permit(&world.owner_id(), op, "door", name, at(NOON)).is_ok();
    assert!(may(Operation::ReadAllProperties, None));
    assert!(!may(Operation::ReadAllProperties, Some("state")));
    assert!(!may(Operation::ReadProperty, None));
}

#[test]
fn on_the_device_only_an_exact_grant_counts() {
    let all = [Operation::ReadProperty, Operation::InvokeAction, Operation::WriteProperty];
    let may = |grants: Vec<Grant>, op, name| World::with_guest(grants).may_at(NOON, op, DEVICE, name);
    assert_eq!(
        may(vec![grant("device", &["readJournal"], &all)], Operation::InvokeAction, "readJournal"),
        Ok(())
    );
    for (thing, affordance) in [("*", "*"), ("device", "*"), ("*", "readJournal"), ("device", "status")] {
        let grants = vec![grant(thing, &[affordance], &all)];
        let denied = may(grants, Operation::InvokeAction, "readJournal");
        assert_eq!(denied, Err(Denied::NoGrant), "{thing}/{affordance}");
    }
    for name in ["changeRights", "pair", "join"] {
        let grants = vec![grant("device", &[name], &all)];
        assert_eq!(may(grants, Operation::InvokeAction, name), Err(Denied::NoGrant), "{name}");
    }
}

#[test]
fn roles_on_the_device() {
    let mut world = World::claimed();
    let keys = [Role::Guest, Role::Viewer, Role::Operator].map(|role| world.admit(role, vec![]));
    let [guest, viewer, operator] = keys.each_ref().map(id);
    let (owner, recovery) = (world.owner_id(), id(&world.recovery));
    let everybody = [guest, viewer, operator, owner, recovery];
    let table = [
        (Operation::ReadProperty, "things", &everybody[..]),
        (Operation::ObserveProperty, "things", &everybody[..]),
        (Operation::ReadProperty, "rights", &everybody[..]),
        (Operation::ReadProperty, "journalHead", &everybody[..]),
        (Operation::ReadProperty, "status", &everybody[1..]),
        (Operation::ReadProperty, "identity", &everybody[1..]),
        (Operation::ReadProperty, "version", &everybody[1..]),
        (Operation::InvokeAction, "changeRights", &everybody[3..]),
        (Operation::ReadProperty, "health", &everybody[3..]),
        (Operation::InvokeAction, "readJournal", &everybody[3..]),
        (Operation::SubscribeEvent, "contactsChanged", &everybody[3..]),
        (Operation::SubscribeEvent, "securityEvent", &everybody[3..]),
        (Operation::WriteProperty, "status", &everybody[3..]),
    ];
    for (op, name, allowed) in table {
        for who in &everybody {
            let permit = world.rights.permit(who, op, DEVICE, Some(name), at(NOON));
            assert_eq!(permit.is_ok(), allowed.contains(who), "{op} {name} {who:?}: {permit:?}");
        }
    }
}

#[test]
fn the_recovery_key_opens_no_door() {
    let world = World::claimed();
    for op in THING_OPS {
        let permit = world.rights.permit(&id(&world.recovery), op, "door", name_for(op), at(NOON));
        assert_eq!(permit, Err(Denied::NoGrant), "{op}");
    }
}

#[test]
fn knocking_is_for_open_doors_only() {
    let mut world = World::claimed();
    let stranger = id(&new_key());
    let knock = |world: &World, who: &Thumbprint, name: &str, open: bool| {
        let permit =
            world.rights.permit_entry(who, Operation::InvokeAction, DEVICE, Some(name), open, at(NOON));
        permit.map(|_| ())
    };
    assert_eq!(knock(&world, &stranger, "pair", false), Err(Denied::Stranger));
    assert_eq!(knock(&world, &stranger, "pair", true), Ok(()));
    assert_eq!(knock(&world, &stranger, "changeRights", true), Err(Denied::Stranger));
    assert_eq!(knock(&world, &stranger, "join", true), Err(Denied::Stranger), "nobody is invited");
    world.invite(Role::Guest, NOON + 100).unwrap();
    assert_eq!(knock(&world, &stranger, "join", false), Ok(()));
    let read =
        world.rights.permit_entry(&stranger, Operation::ReadProperty, DEVICE, Some("pair"), true, at(NOON));
    assert_eq!(read, Err(Denied::Stranger));
    let other =
        world.rights.permit_entry(&stranger, Operation::InvokeAction, "door", Some("pair"), true, at(NOON));
    assert_eq!(other, Err(Denied::Stranger));
    for (now, what) in [(at(NOON + 100), "it is over"), (Now { trusted: None, ..at(NOON) }, "nobody knows")] {
        let join =
            world.rights.permit_entry(&stranger, Operation::InvokeAction, DEVICE, Some("join"), true, now);
        assert_eq!(join, Err(Denied::Stranger), "{what}");
        assert!(!world.rights.is_inviting(now.trusted), "{what}");
    }
    let revoked = world.admit(Role::Viewer, vec![]);
    world.owner_does(Change::Revoke { contact: id(&revoked) }).unwrap();
    assert_eq!(knock(&world, &id(&revoked), "pair", true), Err(Denied::Revoked));
    assert_eq!(knock(&world, &id(&revoked), "join", true), Err(Denied::Revoked));
}
