use streembit_plugin_sdk::mock::{self, Call, Notice};

use super::*;

const CALL: Invocation = Invocation { id: 1, deadline: Duration::from_secs(1) };

fn door(inputs: &[(&str, bool)]) -> GpioSwitch {
    mock::reset();
    ["open", "close", "stop"].into_iter().for_each(mock::grant_output);
    inputs.iter().for_each(|(name, active)| mock::grant_input(name, *active));
    GpioSwitch::start(Settings::default()).unwrap()
}

fn state(door: &mut GpioSwitch) -> Value {
    door.read_property("state").unwrap()
}

#[test]
fn every_action_is_one_pulse_of_its_own_line() {
    let mut door = door(&[]);
    for name in ["open", "open", "close", "stop"] {
        assert_eq!(door.invoke_action(name, None, CALL), Ok(Completion::Done(None)));
        let pulse = Call::Pulse { output: name.to_owned(), length: Duration::from_millis(300) };
        assert_eq!(mock::calls(), [pulse]);
    }
    assert_eq!(door.invoke_action("explode", None, CALL), Err(Error::UnknownAffordance));
    assert_eq!(mock::calls(), []);
}

#[test]
fn the_switches_say_where_the_door_is() {
    let mut door = door(&[("open-switch", false), ("closed-switch", true)]);
    assert_eq!(state(&mut door), "closed");
    mock::notices();
    let told = |state: &str| [Notice::Property { name: "state".to_owned(), value: json!(state) }];
    door.invoke_action("open", None, CALL).unwrap();
    assert_eq!(mock::notices(), told("opening"));
    mock::set_input(&mut door, "closed-switch", false).unwrap();
    assert_eq!(mock::notices(), []);
    mock::set_input(&mut door, "open-switch", true).unwrap();
    assert_eq!(mock::notices(), told("open"));
    // Somebody pulls it off its end by hand.
    mock::set_input(&mut door, "open-switch", false).unwrap();
    assert_eq!(state(&mut door), "unknown");
}

#[test]
fn without_switches_the_last_button_counts() {
    let mut door = door(&[]);
    assert_eq!(state(&mut door), "unknown");
    for (button, expected) in [("open", "opening"), ("stop", "stopped"), ("close", "closing")] {
        door.invoke_action(button, None, CALL).unwrap();
        assert_eq!(state(&mut door), expected);
    }
}

#[test]
fn what_is_in_the_way_is_told_and_keeps_the_door_from_closing() {
    let mut door = door(&[("obstruction", false), ("open-switch", true)]);
    mock::notices();
    mock::set_input(&mut door, "obstruction", true).unwrap();
    let notices = mock::notices();
    assert!(notices.contains(&Notice::Event { name: "obstruction".to_owned(), data: Some(json!("open")) }));
    assert!(notices.contains(&Notice::Property { name: "obstructed".to_owned(), value: json!(true) }));
    assert!(matches!(door.invoke_action("close", None, CALL), Err(Error::Failed(_))));
    assert_eq!(mock::calls(), [], "no line moves for a refused action");
    // Opening and stopping are always safe.
    door.invoke_action("open", None, CALL).unwrap();
    mock::set_input(&mut door, "obstruction", false).unwrap();
    door.invoke_action("close", None, CALL).unwrap();
    assert_eq!(mock::calls().len(), 2);
}

#[test]
fn without_its_relays_or_with_odd_settings_it_does_not_start() {
    mock::reset();
    assert!(matches!(GpioSwitch::start(Settings::default()), Err(Error::Io(IoError::Denied(_)))));
    ["open", "close", "stop"].into_iter().for_each(mock::grant_output);
    assert!(GpioSwitch::start(Settings { pulse_ms: 0 }).is_err());
}
