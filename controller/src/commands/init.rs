//! `streembit init`

use serde::Serialize;
use streembit_keys::PublicKey;

use crate::desk::Desk;
use crate::error::{Failure, Outcome};
use crate::output::{Render, Style};

/// The arguments of `streembit init`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "\
Examples:
  streembit init
  streembit init --name 'Ada' --passcode-file ~/.passcode

The passcode needs 8 characters with an upper-case and a lower-case letter, a digit and a special character.")]
pub struct Args {
    /// The name that devices show for you [default: your user name]
    #[arg(long)]
    pub name: Option<String>,
}

/// A fresh account.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// The name that devices show.
    pub name: String,
    /// The fingerprint of the key.
    pub fingerprint: String,
    /// The public key.
    pub public_key: PublicKey,
    /// Where it lies.
    pub home: std::path::PathBuf,
    /// Where the recovery key lies.
    pub recovery_key: std::path::PathBuf,
}

/// Makes the account.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Made> {
    let name = args.name.unwrap_or_else(user_name);
    name.parse::<streembit_peer::rights::Label>()
        .map_err(|e| Failure::usage(format!("{}.", crate::home::capitalised(&e.to_string()))))?;
    if desk.home().has_account() {
        // Nobody should choose a passcode only to hear that there is nothing to protect.
        return Err(desk.home().account_exists());
    }
    let (home, source) = (desk.home().clone(), desk.source().clone());
    let making = tokio::task::spawn_blocking(move || {
        home.create_account(&name, &source.choose(crate::passcode::show)?)
    });
    let identity = making.await.map_err(|_| Failure::because("Making the account was interrupted."))??;
    Ok(Made {
        fingerprint: identity.public_key.thumbprint().to_string(),
        name: identity.name,
        public_key: identity.public_key,
        home: desk.home().folder().to_owned(),
        recovery_key: desk.home().recovery_file(),
    })
}

/// The user's name on this machine: it can be found out, so nobody is asked.
fn user_name() -> String {
    let usable = |name: String| name.parse::<streembit_peer::rights::Label>().is_ok().then_some(name);
    ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().and_then(usable))
        .unwrap_or_else(|| "person".to_owned())
}

impl Render for Made {
    fn text(&self, style: Style) -> String {
        format!(
            "{} {} in {}\nFingerprint {}\nRecovery key {}: move it away from this machine (a stick, a sheet of paper). Under the \
             same\npasscode, it gets your devices back when this account is lost: `streembit recovery --help`.\n\
             Next: pair with a device, `streembit pair LINK`.",
            style.good("Made the account of"),
            style.strong(&self.name),
            self.home.display(),
            self.fingerprint,
            self.recovery_key.display()
        )
    }
}
