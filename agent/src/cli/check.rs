//! `streembit-agent check`

use streembit_peer::exit::Exit;

use super::journal::credentials;
use super::{Context, Found};
use crate::config::Config;
use crate::control::answer::{Level, Point};
use crate::control::{Call, Client, Failure};
use crate::identity::Identity;

/// Looks at the data folder itself, then asks the running agent for the rest.
pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let data = &context.data;
    let mut points = Vec::new();
    points.push(match Identity::load(data, credentials().as_deref()) {
        Ok(identity) => Point::ok("identity", identity.account.public().thumbprint().to_string()),
        Err(error) => {
            let failure = Failure::from(error);
            let remedy =
                failure.remedy.unwrap_or_else(|| "Mend the file, or put a backup in its place.".into());
            Point::bad("identity", failure.message, &remedy)
        }
    });
    points.push(match Config::load(data.config()) {
        Ok(_) => Point::ok("config", data.config().display().to_string()),
        Err(error) => {
            Point::bad("config", error.to_string(), "Mend the line; the running agent takes it up by itself.")
        }
    });
    match Client::connect(data).and_then(|mut client| client.ask(&Call::Check)) {
        Ok(answer) => {
            let more: Vec<Point> = serde_json::from_value(answer).map_err(Failure::failed)?;
            points.push(Point::ok("agent", "running"));
            points.extend(more);
        }
        Err(failure) => {
            points.push(Point::bad("agent", failure.message, failure.remedy.as_deref().unwrap_or_default()));
        }
    }
    let worst = points.iter().map(|point| point.level).max().unwrap_or(Level::Ok);
    let exit = if worst == Level::Bad { Exit::Failure } else { Exit::Ok };
    let text = text_of(&points, worst);
    Ok(Found::new(&points, text).with_exit(exit))
}

fn text_of(points: &[Point], worst: Level) -> String {
    let mut lines: Vec<String> = points
        .iter()
        .map(|point| {
            let mark = match point.level {
                Level::Ok => "ok     ",
                Level::Warning => "warning",
                Level::Bad => "BAD    ",
            };
            let remedy =
                point.remedy.as_ref().map(|remedy| format!("\n         → {remedy}")).unwrap_or_default();
            format!("{mark}  {}: {}{remedy}", point.what, point.detail)
        })
        .collect();
    lines.push(match worst {
        Level::Ok => "All is well.".to_owned(),
        Level::Warning => "It works; somebody should look at the warnings.".to_owned(),
        Level::Bad => "Something does not work.".to_owned(),
    });
    lines.join("\n")
}
