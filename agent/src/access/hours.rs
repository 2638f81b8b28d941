//! Whether a time lies within a grant.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use streembit_peer::rights::{Day, Grant, WeeklyHours, ZoneName};

use crate::clock::TrustedTime;

/// What a grant says about a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InTime {
    /// It applies.
    Yes,
    /// It does not apply now.
    No,
    /// It depends on the time, and nothing vouches for the time.
    Unknown,
}

pub(super) fn in_time(grant: &Grant, now: Option<TrustedTime>) -> InTime {
    if !grant.is_timed() {
        return InTime::Yes;
    }
    let Some(now) = now else { return InTime::Unknown };
    let begun = grant.not_before.is_none_or(|begin| now.unix() >= begin);
    let over = grant.not_after.is_some_and(|end| now.unix() >= end);
    let hours = grant.weekly.is_empty() || grant.weekly.iter().any(|hours| within(hours, now));
    if begun && !over && hours { InTime::Yes } else { InTime::No }
}

/// Whether this device's time zone database has the zone.
pub(super) fn is_known(zone: &ZoneName) -> bool {
    TimeZone::get(zone.as_str()).is_ok()
}

/// Whether the clocks of the zone show a time within the hours.
///
/// What counts is what a clock on the wall there shows. So an hour that is skipped in spring is in no window, and one that
/// comes twice in autumn is in it twice: "until 06:00" always ends when the clocks show six.
fn within(hours: &WeeklyHours, now: TrustedTime) -> bool {
    // A zone that has left the database since the change was made covers nothing.
    let Ok(zone) = TimeZone::get(hours.zone.as_str()) else { return false };
    let Ok(timestamp) = Timestamp::from_second(now.unix()) else { return false };
    let local = timestamp.to_zoned(zone).datetime();
    let today = day(local.weekday());
    let yesterday = day(local.weekday().previous());
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let (from, to) = (i32::from(hours.from.since_midnight()), i32::from(hours.to.since_midnight()));
    if from < to {
        hours.days.contains(&today) && (from..to).contains(&minute)
    } else {
        // Over midnight: the hours belong to the day on which they begin.
        (hours.days.contains(&today) && minute >= from) || (hours.days.contains(&yesterday) && minute < to)
    }
}

fn day(weekday: Weekday) -> Day {
    match weekday {
        Weekday::Monday => Day::Mon,
        Weekday::Tuesday => Day::Tue,
        Weekday::Wednesday => Day::Wed,
        Weekday::Thursday => Day::Thu,
        Weekday::Friday => Day::Fri,
        Weekday::Saturday => Day::Sat,
        Weekday::Sunday => Day::Sun,
    }
}
