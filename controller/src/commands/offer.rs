//! `streembit offer`

use serde::Serialize;

use crate::desk::Desk;
use crate::door::Ask;
use crate::error::Outcome;
use crate::output::{Render, Style};

/// The arguments of `streembit offer`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "\
Examples:
  streembit offer
  streembit offer > ada.offer

The offer says who you are, signed by your key. Send it to the owner of a device; nothing in it is secret.")]
pub struct Args {}

/// A contact offer.
#[derive(Debug, Clone, Serialize)]
pub struct Offered {
    /// The block of text.
    pub offer: String,
}

/// Makes the offer.
pub async fn run(desk: &Desk, _args: Args) -> Outcome<Offered> {
    Ok(Offered { offer: desk.door().await?.text(Ask::Offer).await? })
}

impl Render for Offered {
    fn text(&self, _style: Style) -> String {
        self.offer.trim_end().to_owned()
    }
}
