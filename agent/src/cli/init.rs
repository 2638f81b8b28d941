//! `streembit-agent init`

use std::path::{Path, PathBuf};

use serde_json::json;
use streembit_keys::rng;

use super::{Context, Found};
use crate::control::Failure;
use crate::identity::{DEFAULT_DATA, Keeper, Origin, create};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent init
  streembit-agent init --key device.pem --factory factory.json

The factory file looks like {\"manufacturer\": \"Example Doors Ltd\", \"model\": \"GD-2\", \"serial\": \"0001234\"}.
The key file is P-256 in PKCS#8, as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it.")]
pub(super) struct Args {
    /// Use this private key instead of making one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Take manufacturer, model and serial number from this file
    #[arg(long, value_name = "FILE")]
    factory: Option<PathBuf>,

    /// Leave the account's key with root, for a service that gets it by systemd's `LoadCredential=`
    #[arg(long)]
    credential: bool,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    let keeper = if args.credential { Keeper::Root } else { Keeper::Folder };
    let origin = Origin { keeper, ..Origin::from_files(args.key.as_deref(), args.factory.as_deref())? };
    let key = create(&context.data, origin, &mut rng::system())?;
    let folder = context.data.path();
    let next = if folder == Path::new(DEFAULT_DATA) {
        "Next: `systemctl enable --now streembit-agent`, then `streembit-agent pair` to take it.".to_owned()
    } else {
        let folder = folder.display();
        format!(
            "Next: `streembit-agent --data {folder} run`,\nthen `streembit-agent --data {folder} pair` to take it."
        )
    };
    let text = format!(
        "This is a new device now: {}\nIts settings are in {}\n\n{next}",
        key.thumbprint(),
        context.data.config().display(),
    );
    let json = json!({
        "device": key.thumbprint(),
        "account": key.account().as_str(),
        "data": context.data.path(),
        "config": context.data.config(),
    });
    Ok(Found::new(&json, text))
}
