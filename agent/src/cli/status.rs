//! `streembit-agent status`: how the device is, on one screen.

use streembit_peer::network::Address;

use super::check::line_of;
use super::{Context, Found, show};
use crate::check::{Level, Point};
use crate::control::answer::Status;
use crate::control::{Call, Failure};

/// Things that are named; the others are counted. With all other rows they leave room on 24 lines.
const THINGS: usize = 5;

/// Addresses that are shown: loopback first, and then what others dial.
const ADDRESSES: usize = 3;

/// Points of `check` that are shown, each with its remedy.
const POINTS: usize = 2;

pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let status: Status = context.ask(&Call::Status)?;
    // An older agent looks at other points; its status is worth something all the same.
    let points = context.ask::<Vec<Point>>(&Call::Check).unwrap_or_default();
    Ok(Found::new(&status, text_of(&status, &points)))
}

fn text_of(status: &Status, points: &[Point]) -> String {
    let mut worse: Vec<&Point> = points.iter().filter(|point| point.level > Level::Ok).collect();
    // The worst first; of the same level they stay in the order of their numbers.
    worse.sort_by_key(|point| std::cmp::Reverse(point.level));
    let mut lines = vec![show::table(&rows(status))];
    if !worse.is_empty() {
        lines.push(String::new());
    }
    lines.extend(worse.iter().take(POINTS).map(|point| line_of(point)));
    if worse.len() > POINTS {
        lines.push(format!("and {} more: `streembit-agent check`", worse.len() - POINTS));
    }
    lines.join("\n")
}

fn rows(status: &Status) -> Vec<Vec<String>> {
    let name = status.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
    let owner = match (status.claimed, status.pairing_open) {
        (_, true) => "a pairing is open".to_owned(),
        (true, false) => format!("{} contacts, {} invitations", status.contacts, status.invitations),
        (false, false) => "no owner yet: `streembit-agent pair`".to_owned(),
    };
    let clock = match (status.clock.as_str(), status.time) {
        (who, Some(time)) => format!("{}, by {who}", show::moment(time)),
        (_, None) => "nobody vouches for the time: time-limited rights do not count".to_owned(),
    };
    let mut rows = vec![
        vec!["Device".to_owned(), format!("{name}{}", status.device)],
        vec!["Version".to_owned(), status.version.clone()],
        vec![
            "Running".to_owned(),
            format!("{}, {} open sessions", show::span(status.uptime), status.sessions),
        ],
        vec!["Owner".to_owned(), owner],
        vec!["Clock".to_owned(), clock],
        vec!["Journal".to_owned(), status.journal.head.clone()],
    ];
    if let Some(trouble) = &status.journal.trouble {
        rows.push(vec![String::new(), format!("NOTHING CAN BE RECORDED, so nothing moves: {trouble}")]);
    }
    if let Some(problem) = &status.config.problem {
        rows.push(vec!["Config".to_owned(), format!("the old settings are in force: {problem}")]);
    }
    if !status.config.next_start.is_empty() {
        rows.push(vec![
            "Config".to_owned(),
            format!("at the next start: {}", status.config.next_start.join(", ")),
        ]);
    }
    if let Some(peer) = &status.peer {
        rows.push(vec!["Peer".to_owned(), peer.to_string()]);
    }
    // The peer is the same in all of them.
    let short = |address: &Address| address.to_string().split("/p2p/").next().unwrap_or_default().to_owned();
    rows.extend(listed("Listens", status.addresses.iter().map(short).collect(), ADDRESSES));
    // What does not run comes first.
    let mut things: Vec<_> = status.things.iter().collect();
    things.sort_by_key(|(name, health)| (health.as_str() == "running", name.as_str()));
    let things =
        things.into_iter().map(|(thing, health)| format!("{thing}: {}", show::one_line(health))).collect();
    rows.extend(listed("Things", things, THINGS));
    rows
}

/// Rows below one label, as many as have room.
fn listed(label: &str, mut items: Vec<String>, most: usize) -> Vec<Vec<String>> {
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    if more > 0 {
        items.push(format!("and {more} more: `--json` lists all"));
    }
    let label = |place| if place == 0 { label.to_owned() } else { String::new() };
    items.into_iter().enumerate().map(|(place, item)| vec![label(place), item]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Diagnosis;

    /// A device with more of everything than there is room for.
    fn crowded() -> Status {
        let key = streembit_keys::PrivateKey::generate(&mut streembit_keys::rng::system());
        serde_json::from_value(serde_json::json!({
            "version": "0.1.0", "device": key.public().thumbprint(), "account": "x", "name": "Garage", "claimed": true,
            "pairing_open": false, "uptime": 90_061, "peer": "QmPyTWeiZByi7jcVULdnNPuWRUsLcJrwnPaYNhyaP5SynU", "sessions": 3, "contacts": 4, "invitations": 1,
            "addresses": (0..9).map(|n| format!("/ip4/192.0.2.{n}/tcp/7600/p2p/QmPyTWeiZByi7jcVULdnNPuWRUsLcJrwnPaYNhyaP5SynU")).collect::<Vec<_>>(),
            "clock": "ntp", "time": 1_700_481_600,
            "things": (0..40).map(|n| (format!("t{n:02}"), if n == 30 { "it trapped" } else { "running" })).collect::<std::collections::BTreeMap<_, _>>(),
            "journal": { "head": "812:Qm9s", "trouble": null },
            "config": { "problem": null, "next_start": ["name"] },
        }))
        .unwrap()
    }

    #[test]
    fn it_fits_one_screen_and_the_worst_is_on_it() {
        let mut points = vec![Diagnosis::Agent.ok("it runs")];
        points.extend((0..5).map(|_| Diagnosis::Storage.warning("little room", "Make room.")));
        points.push(Diagnosis::Plugin.bad("it trapped", "Look at the log.").on("t30"));
        let text = text_of(&crowded(), &points);
        assert!(text.lines().count() <= 24, "{text}");
        assert!(
            text.contains("BAD      10 plugin t30: it trapped")
                && text.contains("4 more: `streembit-agent check`"),
            "{text}"
        );
        assert!(text.contains("Things   t30: it trapped\n") && text.contains("and 35 more"), "{text}");
        assert!(text.contains("/ip4/192.0.2.0/tcp/7600\n") && !text.contains("it runs"), "{text}");
    }

    #[test]
    fn what_is_well_is_not_told() {
        let text = text_of(&crowded(), &[Diagnosis::Agent.ok("it runs")]);
        assert!(!text.contains("check"), "{text}");
    }
}
