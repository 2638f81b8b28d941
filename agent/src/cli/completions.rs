//! `streembit-agent completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Found};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  streembit-agent completions bash > /etc/bash_completion.d/streembit-agent")]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn execute(args: &Args) -> Found {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "streembit-agent", &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    Found::new(&serde_json::json!({ "script": script }), script)
}
