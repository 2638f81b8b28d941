//! `streembit lock`

use super::Done;
use crate::desk::Desk;
use crate::error::Outcome;
use crate::unlock::Client;

/// The arguments of `streembit lock`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Example:\n  streembit lock")]
pub struct Args {}

/// Ends the process that `streembit unlock` left behind. An account that is locked already is what was wanted.
pub async fn run(desk: &Desk, _args: Args) -> Outcome<Done> {
    match Client::find(desk.home()).await? {
        Some(client) => {
            client.lock().await?;
            Ok(Done::new("Locked."))
        }
        None => Ok(Done::new("It is locked.")),
    }
}
