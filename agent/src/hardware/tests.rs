use std::path::Path;

use super::*;

const CHIP: &str = "gpiochip0";

fn hardware(folder: &Path) -> Hardware {
    Hardware::new(Simulated::new(folder).unwrap())
}

fn binding(text: &str) -> Binding {
    text.parse().unwrap()
}

fn movements(folder: &Path) -> Vec<String> {
    let all = Simulated::movements(folder, CHIP).unwrap();
    all.into_iter().map(|movement| format!("{} {}", movement.line, movement.what)).collect()
}

#[tokio::test]
async fn a_pulse_is_one_movement_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let relay = hardware(folder.path()).output(&binding("gpiochip0 line 4, output")).unwrap();
    assert!(!Simulated::level(folder.path(), CHIP, "4").unwrap());
    relay.pulse(Duration::from_millis(30)).unwrap();
    assert!(Simulated::level(folder.path(), CHIP, "4").unwrap());
    // Dropping the output does not cut the pulse short, and its end is not lost with it.
    drop(relay);
    assert!(Simulated::level(folder.path(), CHIP, "4").unwrap());
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(!Simulated::level(folder.path(), CHIP, "4").unwrap());
    assert_eq!(movements(folder.path()), ["4 pulse 30ms"]);
}

#[tokio::test]
async fn a_pulse_during_a_pulse_starts_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let relay = hardware(folder.path()).output(&binding("gpiochip0 line 4, output")).unwrap();
    relay.pulse(Duration::from_millis(40)).unwrap();
    relay.pulse(Duration::from_millis(400)).unwrap();
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(relay.is_active().unwrap(), "the end of the first pulse cut the second");
    assert_eq!(movements(folder.path()).len(), 2);
}

#[test]
fn a_pulse_ends_with_the_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let relay = hardware(folder.path()).output(&binding("gpiochip0 line 4, output")).unwrap();
    runtime.block_on(async { relay.pulse(Duration::from_secs(60)).unwrap() });
    assert!(relay.is_active().unwrap());
    drop(runtime);
    assert!(!relay.is_active().unwrap());
}

/// Gives the run time its turns until only so many tasks are left.
async fn until_tasks(left: usize) {
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut turns = 0;
    while metrics.num_alive_tasks() != left {
        turns += 1;
        assert!(turns < 10_000, "{} tasks are left", metrics.num_alive_tasks());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn pulses_that_were_started_again_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let relay = hardware(folder.path()).output(&binding("gpiochip0 line 4, output")).unwrap();
    for _ in 0..500 {
        relay.pulse(Duration::from_secs(60)).unwrap();
    }
    until_tasks(1).await;
    assert!(relay.is_active().unwrap());
    relay.set_active(false).unwrap();
    until_tasks(0).await;
}

/// Whoever drives a line may end and come back before its pulse is over.
#[tokio::test]
async fn a_line_that_was_left_with_a_pulse_is_opened_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let hardware = hardware(folder.path());
    let valve = binding("gpiochip0 line 4, output");
    let is_open = || Simulated::level(folder.path(), CHIP, "4").unwrap();
    let left = hardware.output(&valve).unwrap();
    left.pulse(Duration::from_secs(60)).unwrap();
    left.pulse(Duration::from_millis(500)).unwrap();
    drop(left);
    for other in ["gpiochip0 line 4, output, active low", "gpiochip0 line 4, output, safe state on"] {
        assert!(matches!(hardware.output(&binding(other)), Err(HardwareError::InUse { .. })), "{other}");
    }
    let again = hardware.output(&valve).unwrap();
    assert!(matches!(hardware.output(&valve), Err(HardwareError::InUse { .. })), "it is opened once");
    assert!(again.is_active().unwrap() && is_open(), "the pulse was cut");
    drop(again);
    assert!(is_open(), "the pulse was cut");
    while is_open() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(movements(folder.path()), ["4 pulse 60000ms", "4 pulse 500ms"]);
    // Nobody has it any more, so it can be opened as another.
    drop(hardware.output(&binding("gpiochip0 line 4, output, active low")).unwrap());
    // What is asked of the line from now on counts, and not the end of the first pulse.
    let again = hardware.output(&valve).unwrap();
    again.pulse(Duration::from_secs(60)).unwrap();
    drop(again);
    hardware.output(&valve).unwrap().set_active(false).unwrap();
    assert!(!is_open());
    assert!(hardware.output(&valve).is_ok(), "nobody has it, although the time of its pulse is not over");
}

#[tokio::test]
async fn the_end_of_a_pulse_that_was_left_is_followed_by_the_safe_state() {
    let folder = tempfile::tempdir().unwrap();
    let hardware = hardware(folder.path());
    let output = hardware.output(&binding("gpiochip0 line 4, output, safe state on")).unwrap();
    output.pulse(Duration::from_millis(1)).unwrap();
    drop(output);
    while movements(folder.path()).len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(movements(folder.path()), ["4 pulse 1ms", "4 safe on"]);
    assert!(Simulated::level(folder.path(), CHIP, "4").unwrap());
}

#[test]
fn a_dropped_output_is_in_its_safe_state() {
    let folder = tempfile::tempdir().unwrap();
    let hardware = hardware(folder.path());
    let siren = binding("gpiochip0 line siren, output, active low, safe state on");
    let output = hardware.output(&siren).unwrap();
    assert!(!Simulated::level(folder.path(), CHIP, "siren").unwrap(), "active low: on is 0");
    output.set_active(false).unwrap();
    assert!(Simulated::level(folder.path(), CHIP, "siren").unwrap());
    drop(output);
    assert!(!Simulated::level(folder.path(), CHIP, "siren").unwrap());
    assert_eq!(movements(folder.path()), ["siren off", "siren safe on"]);
}

#[test]
fn a_line_is_opened_once_and_as_what_it_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let hardware = hardware(folder.path());
    let relay = binding("gpiochip0 line 4, output");
    let first = hardware.output(&relay).unwrap();
    assert!(matches!(hardware.output(&relay), Err(HardwareError::InUse { .. })));
    assert!(matches!(hardware.input(&relay), Err(HardwareError::NoSuchLine { .. })));
    drop(first);
    assert!(hardware.output(&relay).is_ok());
    assert!(matches!(
        hardware.output(&binding("gpiochip0 line 5, input")),
        Err(HardwareError::NoSuchLine { .. })
    ));
}

#[tokio::test]
async fn edges_arrive_from_outside_once_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let input = hardware(folder.path()).input(&binding("gpiochip0 line 5, input, active low")).unwrap();
    assert!(!input.is_active().unwrap());
    let mut edges = input.watch(EdgeKind::Both, Duration::from_millis(20)).unwrap();
    assert!(input.watch(EdgeKind::Both, Duration::ZERO).is_err(), "one watch a line");
    // A contact that bounces back at once is no edge.
    Simulated::set_level(folder.path(), CHIP, "5", false).unwrap();
    Simulated::set_level(folder.path(), CHIP, "5", true).unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    Simulated::set_level(folder.path(), CHIP, "5", false).unwrap();
    let edge = tokio::time::timeout(Duration::from_secs(5), edges.next()).await.unwrap().unwrap();
    assert!(edge.active && edge.at <= monotonic());
    Simulated::set_level(folder.path(), CHIP, "5", true).unwrap();
    let edge = tokio::time::timeout(Duration::from_secs(5), edges.next()).await.unwrap().unwrap();
    assert!(!edge.active);
}

#[test]
fn a_chip_that_is_not_there_is_named() {
    let missing = binding("gpiochip987 line 4, output");
    let error = Hardware::new(Linux).output(&missing).err().unwrap();
    assert!(matches!(error, HardwareError::NoSuchLine { .. }), "{error}");
    assert!(error.to_string().contains("gpiochip987 line 4"), "{error}");
}
