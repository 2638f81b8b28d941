//! `streembit-agent support-bundle`
//!
//! One file with how the device is, for whoever helps its owner. What goes in is chosen here, part by part; everything goes
//! through [`redact`] on its way. A part that cannot be had says why in its place, so that a device that does not start can
//! be asked as well as one that runs.

mod archive;
mod machine;
mod redact;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::journal::verify;
use super::logs::is_a_service;
use super::{Context, Found, check};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::answer::People;
use crate::control::{Call, Failure};
use archive::Archive;
use redact::{Redactor, without_values};

/// Denials that are taken along, the newest.
const DENIALS: usize = 500;

/// How long metrics may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Metrics are some 20 KiB.
const MAX_METRICS: u64 = 1 << 20;

const ABOUT: &str = "\
This is how a Streembit device was when its owner wrote it down, for whoever helps.

Left out: every key, links and their secrets, what plugins are configured with, inputs and outputs of commands, and what
plugins store. Keys, hashes and peers are cut to their first characters, and people are numbers, unless the owner asked for
their names. There are: names of the device and its Things, its addresses and those of callers that were refused, and what
plugins wrote into the log. Look through it before you send it: `tar -xzf`, and each file is text.
";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo streembit-agent support-bundle
  sudo streembit-agent support-bundle /tmp/garage.tar.gz --with-names

What is in it, its README.txt says: look through it before you send it. Keys, secrets of links and what plugins are
configured with are never in it. It also works where the agent does not run.")]
pub(super) struct Args {
    /// The file to write; without it, streembit-support-TIME.tar.gz in this folder
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Leave people's names as they are
    #[arg(long)]
    with_names: bool,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    let now = Clock::system().unvouched_unix();
    let moment = jiff::Timestamp::from_second(now).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("streembit-support-{moment}");
    let path = args.file.clone().unwrap_or_else(|| format!("{name}.tar.gz").into());
    let people = context.ask::<People>(&Call::Contacts);
    let redactor = match &people {
        Ok(people) if !args.with_names => Redactor::without(names(people)),
        _ => Redactor::default(),
    };
    let parts = parts(context, people);
    let written = Archive::create(&path, name, u64::try_from(now).unwrap_or(0)).and_then(|mut archive| {
        archive.add("README.txt", ABOUT)?;
        for (name, part) in &parts {
            archive.add(name, &clean(&redactor, part))?;
        }
        archive.finish()
    });
    written.map_err(|error| {
        Failure::failed(format!("{}: {error}", path.display()))
            .or("Name another file, in a folder that you can write to.")
    })?;
    let text = format!(
        "{} is written: {} files. Look through it before you send it.",
        path.display(),
        parts.len() + 1
    );
    Ok(Found::new(&json!({ "file": path, "files": parts.len() + 1 }), text))
}

/// One part, or why it is not there.
enum Part {
    Text(String),
    Document(Value),
    Missing(Failure),
}

impl From<Result<Value, Failure>> for Part {
    fn from(answer: Result<Value, Failure>) -> Self {
        answer.map_or_else(Self::Missing, Self::Document)
    }
}

impl From<Result<String, Failure>> for Part {
    fn from(text: Result<String, Failure>) -> Self {
        text.map_or_else(Self::Missing, Self::Text)
    }
}

fn parts(context: &Context, people: Result<People, Failure>) -> Vec<(&'static str, Part)> {
    let points =
        check::look(context).and_then(|points| serde_json::to_value(points).map_err(Failure::failed));
    let journal = verify(context, None)
        .and_then(|verification| serde_json::to_value(verification).map_err(Failure::failed));
    let people = people.and_then(|people| serde_json::to_value(people).map_err(Failure::failed));
    let files = machine::files(context.data.path()).map_err(Failure::failed);
    let log = is_a_service(context).map(|()| machine::log());
    let unit = is_a_service(context).map(|()| machine::unit());
    vec![
        ("check.json", points.into()),
        ("status.json", context.ask::<Value>(&Call::Status).into()),
        ("config.json", config(context).into()),
        ("people.json", people.into()),
        (
            "denials.json",
            context.ask::<Value>(&Call::Denials { limit: DENIALS }).map(without_map_of_names).into(),
        ),
        ("journal.json", journal.into()),
        ("metrics.txt", metrics(context).into()),
        ("files.txt", files.into()),
        ("versions.txt", Part::Text(machine::versions())),
        ("unit.txt", unit.into()),
        ("log.txt", log.into()),
    ]
}

fn clean(redactor: &Redactor, part: &Part) -> String {
    match part {
        Part::Text(text) => redactor.text(text),
        Part::Document(value) => format!("{:#}\n", redactor.json(value)),
        Part::Missing(failure) => redactor.text(&format!("not there: {failure}\n")),
    }
}

/// The settings that the file makes, without those of plugins. Not the file itself: people write passwords into comments.
fn config(context: &Context) -> Result<Value, Failure> {
    let mut config = Config::load(context.data.config()).map_err(Failure::invalid)?.effective();
    if let Some(plugins) = config.get_mut("plugins").and_then(Value::as_object_mut) {
        for plugin in plugins.values_mut() {
            if let Some(settings) = plugin.get_mut("settings") {
                *settings = without_values(settings);
            }
        }
    }
    Ok(config)
}

fn names(people: &People) -> Vec<String> {
    let contacts = people.contacts.iter().map(|contact| contact.name.to_string());
    contacts.chain(people.invitations.iter().map(|invitation| invitation.name.to_string())).collect()
}

/// Who is called what is in `people.json`, once.
fn without_map_of_names(mut answer: Value) -> Value {
    answer.as_object_mut().map(|members| members.remove("names"));
    answer
}

/// As a monitoring system would read them.
fn metrics(context: &Context) -> Result<String, Failure> {
    let path = context.data.metrics_socket();
    let asked = || {
        let mut stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(MAX_METRICS).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer: std::io::Result<String> = asked();
    let answer = answer.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let content = answer.split_once("\r\n\r\n").map(|(_, content)| content.to_owned());
    content.ok_or_else(|| Failure::failed("the agent's answer is not understood"))
}
