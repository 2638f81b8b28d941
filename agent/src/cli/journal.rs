//! `streembit-agent journal verify`

use streembit_peer::exit::Exit;

use super::{Context, Found};
use crate::control::answer::Verification;
use crate::control::{Call, Failure};
use crate::identity::{Identity, IdentityError};
use crate::journal::{self, KeptHead};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Check that nobody changed, removed, moved or added an entry
    #[command(after_help = "\
Examples:
  streembit-agent journal verify
  streembit-agent journal verify --against 812:Qm9s…   with a head that a receipt or an earlier check showed

With --against it also finds what was cut off at the end, or a database that was put in place of the old one.
It works with or without a running agent. It ends with 1 where something is wrong.")]
    Verify(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A head that was kept elsewhere
    #[arg(long, value_name = "NUMBER:HASH", value_parser = parse_head)]
    against: Option<KeptHead>,
}

fn parse_head(text: &str) -> Result<KeptHead, String> {
    text.parse::<KeptHead>().map_err(|error| error.to_string())
}

pub(super) fn execute(context: &Context, command: Command) -> Result<Found, Failure> {
    let Command::Verify(args) = command;
    let verification = verify(context, args.against)?;
    let exit = if verification.holds { Exit::Ok } else { Exit::Failure };
    Ok(Found::new(&verification, text_of(&verification)).with_exit(exit))
}

/// Checks the journal: as it lies there, or by asking the agent that writes it.
pub(super) fn verify(context: &Context, against: Option<KeptHead>) -> Result<Verification, Failure> {
    match context.data.lock() {
        // Nobody else writes: the file is checked as it lies there.
        Ok(_lock) => {
            let identity = Identity::load(&context.data, credentials().as_deref())?;
            let against = against.map(|kept| kept.0);
            let report = journal::check(&context.data.state(), identity.account.public(), against)
                .map_err(Failure::failed)?;
            Ok(Verification::from(report))
        }
        Err(IdentityError::InUse(_)) => {
            let against = against.map(|kept| kept.to_string());
            context.ask(&Call::VerifyJournal { against })
        }
        Err(error) if !context.data.is_initialised() => {
            drop(error);
            Err(IdentityError::NotInitialised(context.data.path().to_owned()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Where systemd puts what `LoadCredential=` names.
pub(super) fn credentials() -> Option<std::path::PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into)
}

fn text_of(found: &Verification) -> String {
    let mut lines = Vec::new();
    if found.holds {
        lines.push(format!("The journal holds: {} entries from {} on.", found.entries, found.first));
    } else {
        let count = found.findings.len() as u64 + found.more_findings;
        lines.push(format!("The journal does NOT hold: {count} findings in {} entries.", found.entries));
        lines.extend(found.findings.iter().map(|finding| format!("  - {finding}")));
        if found.more_findings > 0 {
            lines.push(format!("  - and {} more", found.more_findings));
        }
    }
    if found.unfinished > 0 {
        lines.push(format!("{} requests have no outcome yet.", found.unfinished));
    }
    if !found.cannot_prove.is_empty() {
        lines.push("It cannot prove:".to_owned());
        lines.extend(found.cannot_prove.iter().map(|what| format!("  - {what}")));
    }
    if let Some(head) = &found.head {
        lines.push(format!("Keep this head elsewhere, for --against: {head}"));
    }
    lines.join("\n")
}
