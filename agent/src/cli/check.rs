//! `streembit-agent check`

use std::collections::BTreeSet;

use serde_json::json;
use streembit_peer::exit::Exit;

use super::journal::credentials;
use super::show::one_line;
use super::{Context, Found};
use crate::check::{self, Diagnosis, Level, Point};
use crate::config::Config;
use crate::control::{Call, Client, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo streembit-agent check
  streembit-agent check --list          what is looked at, and under which number

Each point says what to do where it is not well. The numbers stay what they are. It ends with 0 where everything works, also
with warnings, and with 1 where something does not. Where no agent runs, it looks at what it can see without one.")]
pub(super) struct Args {
    /// List what is looked at
    #[arg(long)]
    list: bool,
}

/// Looks at the data folder itself, then asks the running agent for the rest.
pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    if args.list {
        return Ok(list());
    }
    let points = look(context)?;
    let worst = points.iter().map(|point| point.level).max().unwrap_or(Level::Ok);
    let exit = if worst == Level::Bad { Exit::Failure } else { Exit::Ok };
    let text = text_of(&points, worst);
    Ok(Found::new(&points, text).with_exit(exit))
}

/// Every point that can be looked at now, by number.
pub(super) fn look(context: &Context) -> Result<Vec<Point>, Failure> {
    let data = &context.data;
    let mut points = vec![check::keys(data, credentials().as_deref())];
    let config = Config::load(data.config());
    points.push(match &config {
        Ok(_) => Diagnosis::Config.ok(data.config().display().to_string()),
        Err(error) => Diagnosis::Config
            .bad(error.to_string(), "Mend the line; the running agent takes it up by itself."),
    });
    match Client::connect(data).and_then(|mut client| client.ask(&Call::Check)) {
        Ok(answer) => {
            let more: Vec<Point> = serde_json::from_value(answer).map_err(Failure::failed)?;
            points.extend(more);
        }
        Err(failure) => {
            let remedy =
                failure.remedy.unwrap_or_else(|| "Look at the log: `streembit-agent logs`.".to_owned());
            points.push(Diagnosis::Agent.bad(failure.message, remedy));
            points.extend(without_agent(context, &config.unwrap_or_default()));
        }
    }
    points.sort_by_key(|point| point.code);
    Ok(points)
}

/// What can be seen of the machine from here. What is well for this user need not be so for the agent's, but a disk that is
/// full or a chip that is missing may be why no agent runs.
fn without_agent(context: &Context, config: &Config) -> Vec<Point> {
    if !context.data.path().exists() {
        return Vec::new();
    }
    let mut points = vec![check::storage(context.data.path())];
    points.extend(check::kernel());
    points.push(check::sandbox(config));
    points.extend(check::hardware(config));
    points
}

fn list() -> Found {
    let all = Diagnosis::ALL.map(
        |diagnosis| json!({ "code": diagnosis.code(), "name": diagnosis.name(), "about": diagnosis.about() }),
    );
    let lines = Diagnosis::ALL
        .map(|diagnosis| format!("{:02} {:<9} {}", diagnosis.code(), diagnosis.name(), diagnosis.about()));
    Found::new(&all, lines.join("\n"))
}

fn text_of(points: &[Point], worst: Level) -> String {
    let mut lines: Vec<String> = points.iter().map(line_of).collect();
    let codes: BTreeSet<u8> = points.iter().filter(|p| p.level == worst).map(|point| point.code).collect();
    let codes: Vec<String> = codes.into_iter().map(|code| format!("{code:02}")).collect();
    lines.push(match worst {
        Level::Ok => "All is well.".to_owned(),
        Level::Warning => {
            format!("It works; somebody should look at the warnings ({}).", codes.join(", "))
        }
        Level::Bad => format!("Something does not work ({}).", codes.join(", ")),
    });
    lines.join("\n")
}

/// A point, with what to do about it.
pub(super) fn line_of(point: &Point) -> String {
    let mark = match point.level {
        Level::Ok => "ok     ",
        Level::Warning => "warning",
        Level::Bad => "BAD    ",
    };
    let remedy = point.remedy.as_ref().map(|remedy| format!("\n         → {}", one_line(remedy)));
    let (title, detail) = (one_line(&point.title()), one_line(&point.detail));
    format!("{mark}  {title}: {detail}{}", remedy.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_named_by_its_number() {
        let points = [
            Diagnosis::Storage.warning("little", "Make room."),
            Diagnosis::Plugin.bad("trapped", "Look.").on("door"),
        ];
        let text = text_of(&points, Level::Bad);
        assert_eq!(
            text,
            "warning  07 storage: little\n         → Make room.\nBAD      10 plugin door: trapped\n         → Look.\n\
             Something does not work (10)."
        );
    }

    #[test]
    fn the_list_names_every_diagnosis() {
        let found = list();
        assert_eq!(found.text.lines().count(), Diagnosis::ALL.len());
        assert!(found.text.contains("07 storage   the data folder's disk"), "{}", found.text);
        assert_eq!(found.json[6]["code"], 7);
    }
}
