//! `streembit-agent factory-reset`

use std::io::{IsTerminal as _, Write as _};

use serde_json::json;
use streembit_keys::rng;

use super::{Context, Found};
use crate::control::Failure;
use crate::identity::{IdentityError, Past, reset};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The device gets a new key and forgets its owner, its contacts, its journal and its settings. Manufacturer, model and
serial number stay, and so do the floors of its firmware and of its clock, and the publishers that it trusts. Nobody can undo
this. Stop the agent first: systemctl stop streembit-agent

It also goes on with a reset, or with an import, that was interrupted.")]
pub(super) struct Args {
    /// Do it without asking
    #[arg(long)]
    yes: bool,

    /// Forget which times were trusted before: where the clock was ahead, or the journal cannot be read
    #[arg(long)]
    forget_time: bool,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    let data = &context.data;
    if !data.is_initialised() && !data.is_interrupted() {
        return Err(IdentityError::NotInitialised(data.path().to_owned()).into());
    }
    let lock = data.lock()?;
    if !args.yes && !is_meant(data.path())? {
        return Err(Failure::refused("nothing was changed"));
    }
    let key = reset(data, &lock, Past::of_option(args.forget_time), &mut rng::system())?;
    let text =
        format!("This is a new device now: {}\nTake it with `streembit-agent pair`.", key.thumbprint());
    Ok(Found::new(&json!({ "device": key.thumbprint() }), text))
}

/// Asks the person at the terminal. Without one, `--yes` must have said it.
fn is_meant(folder: &std::path::Path) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            streembit_peer::exit::Exit::Usage,
            "this wipes the device, and nobody can be asked",
        )
        .or("Say that it is meant: `streembit-agent factory-reset --yes`."));
    }
    let question = format!("Wipe the device in {} for good? Type `wipe` to do it: ", folder.display());
    let mut err = std::io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).map_err(Failure::failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Failure::failed)?;
    Ok(answer.trim() == "wipe")
}
