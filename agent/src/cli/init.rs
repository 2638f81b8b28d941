//! `streembit-agent init`

use std::path::PathBuf;

use serde_json::json;
use streembit_keys::rng;

use super::{Context, Found};
use crate::control::Failure;
use crate::identity::{Origin, create};

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
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    let origin = Origin::from_files(args.key.as_deref(), args.factory.as_deref())?;
    let key = create(&context.data, origin, &mut rng::system())?;
    let folder = context.data.path().display();
    let text = format!(
        "This is a new device now: {}\nIts settings are in {}\n\nNext: `streembit-agent --data {folder} run` (or \
         `systemctl enable --now streembit-agent`),\nthen `streembit-agent --data {folder} pair` to take it.",
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
