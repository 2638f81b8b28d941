//! `streembit accept`

use super::Patience;
use super::pair::{Paired, meet};
use crate::desk::Desk;
use crate::error::Outcome;

/// The arguments of `streembit accept`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit accept 'streembit:join/…'
  streembit accept --as office 'streembit:join/…'

An owner makes the link: `streembit invite`. It binds your key to what it allows, once.")]
pub struct Args {
    /// The invitation's link, or `-` to read it from standard input
    pub link: String,
    /// The name that the device is to have here [default: its own]
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// Accepts the invitation.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Paired> {
    meet(desk, args.link, args.name, args.patience, true).await
}
