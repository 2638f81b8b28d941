//! `streembit observe` and `streembit subscribe`

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use streembit_peer::words;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::Patience;
use crate::address::{Address, Kind, Typed};
use crate::clock;
use crate::desk::{self, Desk};
use crate::door::{News, Watch};
use crate::error::{Exit, Failure, Outcome};
use crate::output::{Render, Style, printable, show_value};
use crate::person::operation;

/// The arguments of `streembit observe`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit observe garage/door/state
  streembit observe state --count 1 --for 30s     wait for the next change
  streembit observe temperature --json | jq -r .value

It goes on until Ctrl-C, comes back by itself after a drop, and says where something may be missing.")]
pub struct ObserveArgs {
    /// The property: DEVICE/THING/PROPERTY, or as much of it as is not ambiguous
    pub address: Typed,
    /// When to end.
    #[command(flatten)]
    pub until: Until,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// The arguments of `streembit subscribe`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit subscribe garage/door/obstruction
  streembit subscribe obstruction --count 1 && notify-send 'Something is in the way'

It goes on until Ctrl-C, comes back by itself after a drop, and says where something may be missing.")]
pub struct SubscribeArgs {
    /// The event: DEVICE/THING/EVENT, or as much of it as is not ambiguous
    pub address: Typed,
    /// When to end.
    #[command(flatten)]
    pub until: Until,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// When a stream ends by itself.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Until {
    /// End after so many values
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after this time; with --count it is a failure (exit code 5) if there were fewer
    #[arg(long = "for", value_name = "TIME", value_parser = words::duration)]
    pub span: Option<Duration>,
}

/// One item of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// When it arrived here.
    #[serde(serialize_with = "super::as_text")]
    pub time: Timestamp,
    /// The property or event.
    #[serde(serialize_with = "super::as_text")]
    pub address: Address,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What an item of a stream is. Each is one member of the JSON line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A value.
    Value(Value),
    /// So many are missing, because they came faster than they were read.
    Missed(u64),
    /// The connection is gone, for this reason: until `resumed`, things may happen unseen.
    Lost(String),
    /// It goes on, after so many seconds.
    Resumed(f64),
}

/// Follows a property. Returns how many values came.
pub async fn observe(
    desk: &Desk,
    args: ObserveArgs,
    on_item: impl FnMut(&Item) -> Outcome<()>,
) -> Outcome<u64> {
    follow(desk, &args.address, Kind::Property, args.until, args.patience, on_item).await
}

/// Follows an event. Returns how many came.
pub async fn subscribe(
    desk: &Desk,
    args: SubscribeArgs,
    on_item: impl FnMut(&Item) -> Outcome<()>,
) -> Outcome<u64> {
    follow(desk, &args.address, Kind::Event, args.until, args.patience, on_item).await
}

async fn follow(
    desk: &Desk,
    typed: &Typed,
    kind: Kind,
    until: Until,
    patience: Patience,
    mut on_item: impl FnMut(&Item) -> Outcome<()>,
) -> Outcome<u64> {
    let end = until.span.map(|span| Instant::now() + span);
    let found = desk.find(typed, kind).await?;
    let address = found.address().clone();
    let watch = Watch {
        device: address.device.clone(),
        op: operation(kind),
        thing: address.thing.clone(),
        affordance: address.affordance.clone(),
        timeout: patience.timeout,
    };
    let mut watching = desk.door().await?.watch(watch).await?;
    // One for all rounds: a Ctrl-C that comes while something is printed must not be lost.
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|e| Failure::because(format!("Cannot wait for Ctrl-C: {e}.")))?;
    let mut seen = 0;
    loop {
        let over = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let news = tokio::select! {
            // What has arrived is told before the end is looked at.
            biased;
            news = watching.next() => news,
            () = over => return in_time(seen, until, &address),
            _ = interrupt.recv() => return Ok(seen),
        };
        let what = match news {
            None => return Err(Failure::because("The stream ended without a word.")),
            Some(Err(failure)) => return Err(desk::explained(failure, &found, operation(kind))),
            Some(Ok(News::Begun)) => {
                desk.output().note(&format!("Following {address}. Ctrl-C ends it."));
                continue;
            }
            Some(Ok(News::Ended { why })) => return ended(&address, &why).map(|()| seen),
            Some(Ok(News::Value { value })) => What::Value(value),
            Some(Ok(News::Missed { count })) => What::Missed(count),
            Some(Ok(News::Lost { why })) => What::Lost(why),
            Some(Ok(News::Resumed { away })) => What::Resumed(away.as_secs_f64()),
        };
        let is_value = matches!(what, What::Value(_));
        on_item(&Item { time: clock::now(), address: address.clone(), what })?;
        if is_value {
            seen += 1;
            if until.count == Some(seen) {
                return Ok(seen);
            }
        }
    }
}

/// The time is over: a success, unless so many values were wanted and did not come.
fn in_time(seen: u64, until: Until, address: &Address) -> Outcome<u64> {
    match until.count {
        Some(count) if seen < count => {
            let span = until.span.map(words::show_duration).unwrap_or_default();
            Err(Failure::timed_out(format!("{address} brought {seen} of {count} values within {span}.")))
        }
        _ => Ok(seen),
    }
}

fn ended(address: &Address, why: &str) -> Outcome<()> {
    match why {
        "revoked" => Err(Failure::new(Exit::Refused, format!("Your right to {address} is over."))
            .or("Ask an owner if you still need it.")),
        "gone" => Err(Failure::because(format!("{address} is gone: its Thing was stopped or removed."))
            .or("`streembit ls` shows what there is.")),
        _ => Ok(()),
    }
}

impl Render for Item {
    fn text(&self, style: Style) -> String {
        let time = self.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
        let text = match &self.what {
            What::Value(Value::Null) => style.strong(&self.address.affordance),
            What::Value(value) => style.strong(&show_value(value)),
            What::Missed(count) => {
                style.warning(&format!("({count} missed: they came faster than they were read)"))
            }
            What::Lost(why) => style.warning(&format!("(connection lost: {}; trying again)", printable(why))),
            What::Resumed(away) => {
                style.warning(&format!("(back after {away:.1} s; what happened meanwhile is missing)"))
            }
        };
        format!("{}  {text}", style.faint(&time))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address() -> Address {
        Address { device: "garage".into(), thing: "door".into(), affordance: "state".into() }
    }

    fn line(what: What) -> String {
        let time = "2026-11-23T12:00:00Z".parse().unwrap();
        serde_json::to_string(&Item { time, address: address(), what }).unwrap()
    }

    #[test]
    fn scripts_get_one_line_an_item() {
        let head = r#"{"time":"2026-11-23T12:00:00Z","address":"garage/door/state","#;
        assert_eq!(line(What::Value(json!("open"))), format!(r#"{head}"value":"open"}}"#));
        assert_eq!(line(What::Value(Value::Null)), format!(r#"{head}"value":null}}"#));
        assert_eq!(line(What::Missed(3)), format!(r#"{head}"missed":3}}"#));
        assert_eq!(line(What::Lost("closed".into())), format!(r#"{head}"lost":"closed"}}"#));
        assert_eq!(line(What::Resumed(1.5)), format!(r#"{head}"resumed":1.5}}"#));
    }

    #[test]
    fn too_few_values_in_time_is_a_timeout_and_time_alone_is_not() {
        let span = Some(Duration::from_secs(30));
        let failure = in_time(1, Until { count: Some(2), span }, &address()).unwrap_err();
        assert_eq!(failure.exit, Exit::TimedOut);
        assert_eq!(failure.message, "garage/door/state brought 1 of 2 values within 30s.");
        assert_eq!(in_time(1, Until { count: None, span }, &address()), Ok(1));
    }

    #[test]
    fn a_right_that_ends_is_a_refusal() {
        assert_eq!(ended(&address(), "revoked").unwrap_err().exit, Exit::Refused);
        assert_eq!(ended(&address(), "gone").unwrap_err().exit, Exit::Failure);
        assert_eq!(ended(&address(), "done"), Ok(()));
    }
}
