//! `streembit completions`

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde::Serialize;

use crate::output::{Render, Style};

/// The arguments of `streembit completions`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit completions bash > ~/.local/share/bash-completion/completions/streembit
  streembit completions zsh > ~/.zfunc/_streembit
  streembit completions fish > ~/.config/fish/completions/streembit.fish")]
pub struct Args {
    /// The shell
    pub shell: Shell,
}

/// A completion script.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// Its text.
    pub script: String,
}

/// Makes the script.
pub fn run(args: &Args) -> Script {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut visible(), "streembit", &mut bytes);
    Script { script: String::from_utf8_lossy(&bytes).into_owned() }
}

/// The command line without what is hidden, which the generators would offer all the same.
fn visible() -> clap::Command {
    let all = crate::cli::Cli::command();
    clap::Command::new("streembit")
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

impl Render for Script {
    fn text(&self, _style: Style) -> String {
        self.script.trim_end().to_owned()
    }
}
