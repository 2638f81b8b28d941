//! Times: before, after, hours of the week, and the days on which clocks are set.

use super::*;

/// Whether a grant with these hours applies at a time, written as RFC 3339.
fn applies(weekly: &[WeeklyHours], at: &str) -> bool {
    let grant = Grant { weekly: weekly.to_vec(), ..grant("*", &["*"], &[Operation::ReadProperty]) };
    let world = World::with_guest(vec![grant]);
    let at: jiff::Timestamp = at.parse().unwrap();
    world.may_at(at.as_second(), Operation::ReadProperty, "door", "state").is_ok()
}

fn hours(zone: &str, days: &[Day], from: &str, to: &str) -> WeeklyHours {
    WeeklyHours {
        zone: zone.parse().unwrap(),
        days: days.to_vec(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

/// Each case is a time at which the grant applies and one at which it does not, as close as can be.
fn edges(weekly: &[WeeklyHours], cases: &[(&str, &str)]) {
    for (yes, no) in cases {
        assert!(applies(weekly, yes), "granted at {yes}: {weekly:?}");
        assert!(!applies(weekly, no), "denied at {no}: {weekly:?}");
    }
}

#[test]
fn not_before_and_not_after() {
    let timed = Grant {
        not_before: Some(NOON),
        not_after: Some(NOON + 100),
        ..grant("door", &["state"], &[Operation::ReadProperty])
    };
    let world = World::with_guest(vec![timed]);
    let read = |at| world.may_at(at, Operation::ReadProperty, "door", "state");
    assert_eq!(read(NOON - 1), Err(Denied::NotNow));
    assert_eq!(read(NOON), Ok(()));
    assert_eq!(read(NOON + 99), Ok(()));
    assert_eq!(read(NOON + 100), Err(Denied::NotNow));
    assert_eq!(read(0), Err(Denied::NotNow), "a trusted 1970 is before everything");
}

#[test]
fn without_a_trusted_time_what_is_timed_is_refused_and_the_rest_works() {
    let timed = Grant { not_after: Some(NOON), ..grant("door", &["open"], &[Operation::InvokeAction]) };
    let untimed = grant("door", &["state"], &[Operation::ReadProperty]);
    let world = World::with_guest(vec![timed, untimed]);
    let untrusted = Now { trusted: None, monotonic: Duration::ZERO };
    let may =
        |op, name| world.rights.permit(&world.guest_id(), op, "door", Some(name), untrusted).map(|_| ());
    assert_eq!(may(Operation::InvokeAction, "open"), Err(Denied::Clock));
    assert_eq!(may(Operation::ReadProperty, "state"), Ok(()));
    assert_eq!(
        may(Operation::InvokeAction, "close"),
        Err(Denied::NoGrant),
        "the clock explains nothing here"
    );
    let owner =
        world.rights.permit(&world.owner_id(), Operation::InvokeAction, "door", Some("open"), untrusted);
    assert!(owner.is_ok(), "roles are not timed");
}

#[test]
fn one_grant_in_time_is_enough() {
    let early = Grant { not_after: Some(NOON), ..grant("door", &["state"], &[Operation::ReadProperty]) };
    let late = Grant { not_before: Some(NOON), ..grant("door", &["state"], &[Operation::ReadProperty]) };
    let world = World::with_guest(vec![early, late]);
    for at in [NOON - 1, NOON, NOON + 1] {
        assert_eq!(world.may_at(at, Operation::ReadProperty, "door", "state"), Ok(()));
    }
}

#[test]
fn office_hours() {
    let weekdays = &Day::ALL[..5];
    let office = [hours("Europe/Berlin", weekdays, "08:00", "18:00")];
    edges(
        &office,
        &[
            ("2026-11-23T07:00:00Z", "2026-11-23T06:59:59Z"),
            ("2026-11-23T16:59:59Z", "2026-11-23T17:00:00Z"),
            // The same wall clock in summer is another time in UTC.
            ("2026-07-06T06:00:00Z", "2026-07-06T05:59:59Z"),
            ("2026-11-27T12:00:00Z", "2026-11-28T12:00:00Z"),
        ],
    );
}

#[test]
fn over_midnight_the_hours_belong_to_the_day_on_which_they_begin() {
    let friday_night = [hours("UTC", &[Day::Fri], "22:00", "06:00")];
    edges(
        &friday_night,
        &[
            ("2026-11-27T22:00:00Z", "2026-11-27T21:59:59Z"),
            ("2026-11-28T05:59:59Z", "2026-11-28T06:00:00Z"),
            // Friday's early morning belongs to Thursday, and Saturday's late evening to Saturday.
            ("2026-11-28T00:00:00Z", "2026-11-27T05:00:00Z"),
            ("2026-11-27T23:59:59Z", "2026-11-28T22:00:00Z"),
        ],
    );
    let sunday_night = [hours("UTC", &[Day::Sun], "22:00", "06:00")];
    edges(&sunday_night, &[("2026-11-30T05:00:00Z", "2026-11-29T05:00:00Z")]);
}

#[test]
fn a_whole_day_and_its_last_minute() {
    let whole = [hours("UTC", &[Day::Mon], "00:00", "24:00")];
    edges(
        &whole,
        &[("2026-11-23T00:00:00Z", "2026-11-22T23:59:59Z"), ("2026-11-23T23:59:59Z", "2026-11-24T00:00:00Z")],
    );
    let turn = [hours("UTC", &[Day::Mon], "12:00", "12:00")];
    edges(
        &turn,
        &[("2026-11-23T12:00:00Z", "2026-11-23T11:59:59Z"), ("2026-11-24T11:59:59Z", "2026-11-24T12:00:00Z")],
    );
    assert!(!applies(&[hours("UTC", &[], "00:00", "24:00")], "2026-11-23T12:00:00Z"), "no day is no time");
}

#[test]
fn in_spring_an_hour_is_skipped() {
    // Berlin, 2027-03-28: at 02:00 the clocks show 03:00 (01:00 UTC).
    let night = [hours("Europe/Berlin", &[Day::Sun], "02:30", "04:00")];
    edges(
        &night,
        &[("2027-03-28T01:00:00Z", "2027-03-28T00:59:59Z"), ("2027-03-28T01:59:59Z", "2027-03-28T02:00:00Z")],
    );
    // Hours that lie within the skipped one do not come that day, and do a week later.
    let skipped = [hours("Europe/Berlin", &[Day::Sun], "02:00", "03:00")];
    edges(
        &skipped,
        &[("2027-04-04T00:30:00Z", "2027-03-28T01:00:00Z"), ("2027-04-04T00:00:00Z", "2027-03-28T00:59:59Z")],
    );
    // "Until 03:00" ends when the clocks show three, an hour sooner than on other nights.
    let until = [hours("Europe/Berlin", &[Day::Sat], "22:00", "03:00")];
    edges(&until, &[("2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z")]);
}

#[test]
fn in_autumn_an_hour_comes_twice() {
    // Berlin, 2026-10-25: at 03:00 the clocks show 02:00 again (01:00 UTC).
    let twice = [hours("Europe/Berlin", &[Day::Sun], "02:00", "03:00")];
    edges(
        &twice,
        &[
            ("2026-10-25T00:00:00Z", "2026-10-24T23:59:59Z"),
            ("2026-10-25T00:59:59Z", "2026-10-25T02:00:00Z"),
            ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
            ("2026-10-25T01:59:59Z", "2026-10-25T02:00:00Z"),
        ],
    );
}

#[test]
fn where_the_clocks_are_set_at_midnight_the_day_is_still_the_day() {
    // Beirut, 2026-03-29: midnight is skipped, the Sunday begins at 01:00 (22:00 UTC).
    let sunday = [hours("Asia/Beirut", &[Day::Sun], "00:00", "02:00")];
    edges(
        &sunday,
        &[("2026-03-28T22:00:00Z", "2026-03-28T21:59:59Z"), ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z")],
    );
}

#[test]
fn several_hours_add_up_and_zones_differ() {
    let both = [
        hours("America/New_York", &[Day::Mon], "09:00", "10:00"),
        hours("Asia/Kolkata", &[Day::Mon], "09:00", "10:00"),
    ];
    edges(
        &both,
        &[("2026-11-23T14:00:00Z", "2026-11-23T13:59:59Z"), ("2026-11-23T03:30:00Z", "2026-11-23T03:29:59Z")],
    );
}
