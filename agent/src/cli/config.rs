//! `streembit-agent config`

use std::path::PathBuf;

use serde_json::{Value, json};
use streembit_keys::files::read_bounded;
use streembit_peer::exit::Exit;

use super::{Context, Found};
use crate::config::{self, Config, EditError, MAX_FILE, SCHEMA};
use crate::control::Failure;
use crate::identity::write_config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say whether the config file is right, or name the line and the key of what is wrong
    #[command(after_help = "\
Examples:
  streembit-agent config check
  streembit-agent config check new.toml

It ends with 7 where the file is wrong.")]
    Check {
        /// Another file than the device's own
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show every setting, with the defaults of those that the file leaves out
    Show,
    /// Print one setting
    #[command(after_help = "\
Examples:
  streembit-agent config get network.mdns
  streembit-agent config get plugins.door.grants")]
    Get {
        /// The setting
        key: String,
    },
    /// Change one setting in the file, which keeps its comments
    #[command(after_help = "\
Examples:
  streembit-agent config set name Garage
  streembit-agent config set network.mdns false
  streembit-agent config set plugins.door.grants.open 'gpiochip0 line 17, output, safe state off'

A value is written as in TOML; a bare word is taken as a string. A value that would be wrong is refused, and the file stays
as it is. The running agent takes the change up by itself; where that needs a restart, this says so.")]
    Set {
        /// The setting
        key: String,
        /// Its new value
        value: String,
    },
    /// Take one setting out of the file, so that it has its default again
    Unset {
        /// The setting
        key: String,
    },
    /// Print the JSON schema of the file, for editors that check while you type
    #[command(after_help = "\
Example:
  streembit-agent config schema > agent.schema.json

Editors that know TOML (taplo, Even Better TOML) take it from a first line such as: #:schema ./agent.schema.json")]
    Schema,
}

pub(super) fn execute(context: &Context, command: Command) -> Result<Found, Failure> {
    match command {
        Command::Check { file } => check(file.as_deref().unwrap_or(context.data.config())),
        Command::Show => show(&load(context)?),
        Command::Get { key } => get(&load(context)?, &key),
        Command::Set { key, value } => change(context, &key, |text| config::set(text, &key, &value)),
        Command::Unset { key } => change(context, &key, |text| config::unset(text, &key)),
        Command::Schema => {
            let schema: Value = serde_json::from_str(SCHEMA).map_err(Failure::failed)?;
            Ok(Found::new(&schema, SCHEMA.trim_end()))
        }
    }
}

fn load(context: &Context) -> Result<Config, Failure> {
    Config::load(context.data.config()).map_err(Failure::invalid)
}

fn check(path: &std::path::Path) -> Result<Found, Failure> {
    let config = Config::load(path).map_err(Failure::invalid)?;
    let text = format!("{} is right: {} plugins.", path.display(), config.plugins.len());
    Ok(Found::new(&json!({ "file": path, "plugins": config.plugins.len() }), text))
}

fn show(config: &Config) -> Result<Found, Failure> {
    let effective = config.effective();
    let text = toml::to_string(&effective).map_err(Failure::failed)?;
    Ok(Found::new(&effective, text.trim_end()))
}

fn get(config: &Config, key: &str) -> Result<Found, Failure> {
    let value = config.get(key).ok_or_else(|| {
        Failure::new(Exit::Failure, format!("`{key}` is not set."))
            .or("`streembit-agent config show` lists what is.")
    })?;
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(Found::new(&value, text))
}

fn change(
    context: &Context,
    key: &str,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<Found, Failure> {
    let path = context.data.config();
    let bytes = read_bounded(path, MAX_FILE).map_err(Failure::failed)?;
    let old = String::from_utf8(bytes).map_err(|_| Failure::invalid("the config file is no text"))?;
    let new = edit(&old).map_err(|error| match error {
        EditError::Key(_) => Failure::new(Exit::Usage, error.to_string()),
        error => Failure::invalid(error),
    })?;
    let (before, after) = (Config::parse(&old), Config::parse(&new));
    let (before, after) = before.and_then(|before| Ok((before, after?))).map_err(Failure::invalid)?;
    if new != old {
        write_config(&context.data, context.data.config(), new.as_bytes()).map_err(Failure::failed)?;
    }
    let restart = before.needs_restart(&after);
    let text = match (new == old, restart.is_empty()) {
        (true, _) => "Nothing changed.".to_owned(),
        (false, true) => format!("{key} is changed. A running agent takes it up by itself."),
        (false, false) => format!(
            "{key} is changed. It takes effect at the next start: `systemctl restart streembit-agent`."
        ),
    };
    Ok(Found::new(&json!({ "file": path, "changed": new != old, "restart": restart }), text))
}
