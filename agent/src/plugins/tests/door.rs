//! The garage door, from the Thing to the line and back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::world::{CHIP, World, component, config, notice, until};
use crate::hardware::Simulated;
use crate::journal::Mark;
use crate::liveness::stuck;
use crate::things::{ActionEnd, Completion, Fault, Health, Invocation, Notice};

const GRANTS: &str = r#"
settings = { pulse-ms = 20 }
[grants]
open = "gpiochip0 line 1, output"
close = "gpiochip0 line 2, output"
stop = "gpiochip0 line 3, output"
closed-switch = "gpiochip0 line 4, input"
open-switch = "gpiochip0 line 5, input"
obstruction = "gpiochip0 line 6, input"
"#;

pub(super) fn call() -> Invocation {
    Invocation { id: 1, deadline: Duration::from_secs(5), mark: Mark::default(), end: ActionEnd::new().0 }
}

pub(super) async fn door() -> World {
    door_with(GRANTS).await
}

async fn door_with(grants: &str) -> World {
    let world = World::new();
    world.set_input("4", true);
    let config = config(&component("gpio-switch"), grants);
    world.plugins.add("garage".parse().unwrap(), config).await.unwrap();
    world
}

fn kill_host(world: &World) {
    let [process] = world.plugins.processes()[..] else { panic!("one host") };
    let process = rustix::process::Pid::from_raw(process.cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_opens_and_says_so() {
    let world = door().await;
    let garage = world.thing("garage");
    assert_eq!(garage.health(), Health::Running);
    assert_eq!(garage.read_property("state").await.unwrap(), json!("closed"));
    let mut notices = garage.notices();
    let opened = garage.invoke_action("open", None, call()).await.unwrap();
    assert_eq!(opened, Completion::Done(None));
    assert_eq!(world.movements(), ["1 pulse 20ms"]);
    let told = |state: &str| (String::from("state"), json!(state));
    let property = |notice| match notice {
        Notice::PropertyChanged { name, value } => (name.to_string(), value.value()),
        other => panic!("{other:?}"),
    };
    assert_eq!(property(notice(&mut notices).await), told("opening"));
    world.set_input("4", false);
    // A door needs longer than the debouncing to get from one end to the other.
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.set_input("5", true);
    assert_eq!(property(notice(&mut notices).await), told("open"));
    assert_eq!(garage.read_property("state").await.unwrap(), json!("open"));
    world.plugins.shutdown().await;
    assert_eq!(world.movements(), ["1 pulse 20ms"], "its end moved nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_completed_action_is_one_movement_and_a_refused_one_none() {
    let world = door().await;
    let garage = world.thing("garage");
    for action in ["open", "close", "stop", "open", "open"] {
        garage.invoke_action(action, None, call()).await.unwrap();
    }
    assert_eq!(world.movements().len(), 5);
    world.set_input("6", true);
    let mut notices = garage.notices();
    while !matches!(notice(&mut notices).await, Notice::Event { name, .. } if &*name == "obstruction") {}
    let refused = garage.invoke_action("close", None, call()).await.unwrap_err();
    assert!(matches!(&refused, Fault::Failed(why) if why.contains("way")), "{refused:?}");
    assert!(garage.invoke_action("explode", None, call()).await.is_err());
    assert!(garage.read_property("nothing").await.is_err());
    assert_eq!(world.movements().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_plugin_running_answers_also_while_it_is_down() {
    const LONG: Duration = Duration::from_secs(30);
    let world = door().await;
    let names: Vec<String> = world.plugins.parts().iter().map(|part| part.name().to_owned()).collect();
    assert_eq!(names, ["plugin garage", "host of garage"]);
    assert!(stuck(world.plugins.parts(), LONG).await.is_empty());
    // A host that ended is no part that is stuck: it was told to end, or is started again.
    let before = world.plugins.parts();
    world.plugins.shutdown().await;
    assert!(stuck(before, LONG).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_is_started_again() {
    let world = door().await;
    let garage = world.thing("garage");
    kill_host(&world);
    until(&garage, |health| matches!(health, Health::Down(why) if why.contains("host ended"))).await;
    assert!(matches!(garage.read_property("state").await, Err(Fault::Unavailable(_))));
    until(&garage, |health| *health == Health::Running).await;
    assert_eq!(garage.read_property("state").await.unwrap(), json!("closed"));
    assert_eq!(world.movements().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_during_a_pulse_is_started_again_at_once_and_the_pulse_runs_on() {
    let world = door_with(&GRANTS.replace("pulse-ms = 20", "pulse-ms = 60000")).await;
    let garage = world.thing("garage");
    garage.invoke_action("open", None, call()).await.unwrap();
    kill_host(&world);
    until(&garage, |health| matches!(health, Health::Down(_))).await;
    until(&garage, |health| *health == Health::Running).await;
    assert_eq!(world.plugins.list()[0].ends, [("host-ended", 1)].into(), "a start has failed");
    assert!(Simulated::level(&world.gpio(), CHIP, "1").unwrap(), "the pulse was cut");
    assert_eq!(world.movements(), ["1 pulse 60000ms"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_means_gone() {
    let world = door().await;
    world.plugins.remove("garage");
    assert!(world.things.get("garage").is_none());
    world.plugins.shutdown().await;
    assert!(world.plugins.processes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_replaces_another_gets_its_lines() {
    let world = door().await;
    for name in ["garage", "gate", "garage"] {
        world.plugins.list().iter().for_each(|status| world.plugins.remove(status.instance.as_str()));
        let config = config(&component("gpio-switch"), GRANTS);
        world.plugins.add(name.parse().unwrap(), config).await.unwrap();
        assert_eq!(world.thing(name).health(), Health::Running);
    }
    // One that wants the lines while they are held is told so.
    let config = config(&component("gpio-switch"), GRANTS);
    world.plugins.add("second".parse().unwrap(), config).await.unwrap();
    let health = world.thing("second").health();
    assert!(matches!(&health, Health::Down(why) if why.contains("in use")), "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_must_cover_what_is_asked_and_nothing_else() {
    let world = World::new();
    let add = async |name: &str, grants: &str| {
        let config = config(&component("gpio-switch"), grants);
        world.plugins.add(name.parse().unwrap(), config).await.map_err(|error| error.to_string())
    };
    let without = GRANTS.replace("stop = \"gpiochip0 line 3, output\"\n", "");
    let error = add("a", &without).await.unwrap_err();
    assert!(error.contains("`stop`") && error.contains("Presses"), "{error}");
    let error = add("b", &format!("{GRANTS}siren = \"gpiochip0 line 9, output\"")).await.unwrap_err();
    assert!(error.contains("`siren`"), "{error}");
    let error = add("c", &GRANTS.replace("line 6, input", "line 6, output")).await.unwrap_err();
    assert!(error.contains("`obstruction` must be a digital-input"), "{error}");
    assert!(world.things.all().is_empty());
    // What is optional may be missing.
    let optional: Vec<_> = GRANTS.lines().filter(|line| !line.contains("input")).collect();
    add("d", &optional.join("\n")).await.unwrap();
    assert_eq!(world.thing("d").read_property("state").await.unwrap(), json!("unknown"));
    assert!(add("d", GRANTS).await.unwrap_err().contains("already"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_do_not_fit_are_told() {
    let world = World::new();
    let config = config(&component("gpio-switch"), &GRANTS.replace("pulse-ms = 20", "pulse = 20"));
    world.plugins.add("garage".parse().unwrap(), config).await.unwrap();
    let health = world.thing("garage").health();
    assert!(matches!(&health, Health::Down(why) if why.contains("`pulse`")), "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_a_line_is_marked_and_what_moves_none_is_not() {
    let world = door().await;
    let garage = world.thing("garage");
    assert!(garage.marks());
    let opening = call();
    garage.invoke_action("open", None, opening.clone()).await.unwrap();
    assert!(opening.mark.has_moved());

    // An obstructed door refuses to close before it moves anything.
    let mut notices = garage.notices();
    world.set_input("6", true);
    while !matches!(notice(&mut notices).await, Notice::Event { name, .. } if &*name == "obstruction") {}
    let closing = call();
    garage.invoke_action("close", None, closing.clone()).await.unwrap_err();
    assert!(!closing.mark.has_moved());
    assert_eq!(world.movements(), ["1 pulse 20ms"]);
}

/// The host works on one call after the other, and is at the next before whoever made the last has noticed its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_calls_at_once_each_is_marked_for_what_it_moved_itself() {
    let world = door().await;
    let garage = world.thing("garage");
    let mut notices = garage.notices();
    world.set_input("6", true);
    while !matches!(notice(&mut notices).await, Notice::Event { name, .. } if &*name == "obstruction") {}
    for _ in 0..20 {
        let calls: Vec<_> = (0..16)
            .map(|number| {
                let (garage, opens) = (Arc::clone(&garage), number % 2 == 0);
                tokio::spawn(async move {
                    let call = call();
                    let done =
                        garage.invoke_action(if opens { "open" } else { "close" }, None, call.clone()).await;
                    assert_eq!(done.is_ok(), opens, "{done:?}");
                    assert_eq!(call.mark.has_moved(), opens);
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    }
    assert_eq!(world.movements().len(), 160);
}
