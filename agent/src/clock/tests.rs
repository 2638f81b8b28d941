use super::*;

/// Noon of 2026-11-23, UTC.
const NOON: i64 = 1_795_435_200;
const DAY: i64 = 86_400;

fn clock(time: &VirtualTime) -> Clock {
    Clock::new(time.clone())
}

#[test]
fn a_synchronised_clock_is_trusted() {
    let time = VirtualTime::new(NOON, true);
    let clock = clock(&time);
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON)));
    assert_eq!(clock.witness(), Witness::Ntp);
    time.pass(Duration::from_secs(60));
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON + 60)));
}

#[test]
fn a_clock_that_nothing_vouches_for_is_not() {
    for unix in [0, NOON, NOON + 3 * 365 * DAY] {
        let clock = clock(&VirtualTime::new(unix, false));
        assert_eq!(clock.now().trusted, None);
        assert_eq!(clock.witness(), Witness::Nobody);
    }
}

#[test]
fn an_unsynchronised_clock_never_becomes_a_floor() {
    let time = VirtualTime::new(NOON + 3 * 365 * DAY, false);
    let clock = clock(&time);
    assert_eq!(clock.floor_due(), None);
    // NTP comes up and the clock is set back to the right time: nothing remembers the wrong one.
    time.set_wall(NOON, true);
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON)));
    assert_eq!(clock.floor_due(), Some(NOON));
}

#[test]
fn an_owner_tells_the_time_and_the_monotonic_clock_counts_on() {
    let time = VirtualTime::new(0, false);
    let clock = clock(&time);
    clock.owner_told(NOON).unwrap();
    time.pass(Duration::from_secs(90));
    // The wall clock jumps about, and it does not matter.
    time.set_wall(NOON + 1000 * DAY, false);
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON + 90)));
    assert_eq!(clock.witness(), Witness::Owner);
}

#[test]
fn ntp_outranks_what_an_owner_told() {
    let time = VirtualTime::new(0, false);
    let clock = clock(&time);
    clock.owner_told(NOON).unwrap();
    time.set_wall(NOON + 50, true);
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON + 50)));
    assert_eq!(clock.witness(), Witness::Ntp);
}

#[test]
fn an_owner_cannot_turn_time_back() {
    let time = VirtualTime::new(0, false);
    let clock = clock(&time);
    clock.raise_floor(NOON);
    assert_eq!(clock.owner_told(0), Err(BeforeFloor { told: 0, floor: NOON }));
    assert_eq!(clock.owner_told(NOON - TOLERANCE - 1).unwrap_err().floor, NOON);
    assert_eq!(clock.now().trusted, None);
    // A little slow is slow, not wrong; the time is then the floor.
    clock.owner_told(NOON - TOLERANCE).unwrap();
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON)));
}

#[test]
fn a_synchronised_clock_behind_the_floor_is_refused_until_the_floor_is_forgotten() {
    let time = VirtualTime::new(NOON + 3 * 365 * DAY, true);
    let clock = clock(&time);
    assert!(clock.now().trusted.is_some());
    time.set_wall(NOON, true);
    assert_eq!(clock.now().trusted, None);
    assert_eq!(clock.witness(), Witness::BehindFloor);
    clock.forget_floor();
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON)));
}

#[test]
fn trusted_time_never_runs_backwards() {
    let time = VirtualTime::new(NOON, true);
    let clock = clock(&time);
    clock.now();
    time.set_wall(NOON - 10, true);
    assert_eq!(clock.now().trusted, Some(TrustedTime(NOON)));
}

#[test]
fn the_floor_is_due_once_an_hour() {
    let time = VirtualTime::new(NOON, true);
    let clock = clock(&time);
    clock.raise_floor(NOON - 100);
    assert_eq!(clock.floor_due(), None, "an earlier run kept one less than an hour ago");
    time.pass(Duration::from_secs(3600));
    let due = clock.floor_due().unwrap();
    assert_eq!(due, NOON + 3600);
    assert_eq!(clock.floor_due(), Some(due), "still due until it is durable");
    clock.floor_kept(due);
    assert_eq!(clock.floor_due(), None);
    time.pass(Duration::from_secs(3599));
    assert_eq!(clock.floor_due(), None);
    time.pass(Duration::from_secs(1));
    assert!(clock.floor_due().is_some());
}

#[test]
fn the_machine_has_a_clock() {
    let clock = Clock::system();
    let before = clock.monotonic();
    assert!(clock.unvouched_unix() > 0);
    assert!(clock.now().monotonic >= before);
}
