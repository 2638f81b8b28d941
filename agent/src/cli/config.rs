//! `streembit-agent config check`

use std::path::PathBuf;

use serde_json::json;

use super::{Context, Found};
use crate::config::Config;
use crate::control::Failure;

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
}

pub(super) fn execute(context: &Context, command: Command) -> Result<Found, Failure> {
    let Command::Check { file } = command;
    let path = file.unwrap_or_else(|| context.data.config().to_owned());
    let config = Config::load(&path).map_err(Failure::invalid)?;
    let text = format!("{} is right: {} plugins.", path.display(), config.plugins.len());
    Ok(Found::new(&json!({ "file": path, "plugins": config.plugins.len() }), text))
}
