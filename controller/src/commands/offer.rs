//! `streembit offer`

use serde::Serialize;
use streembit_keys::Thumbprint;
use streembit_peer::offer::Fingerprint;

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

The offer says who you are, signed by your key. Send it to the owner of a device; nothing in it is secret. Tell them its
fingerprint by another way, so that they know it is yours. They run `streembit invite DEVICE --offer FILE`.")]
pub struct Args {}

/// A contact offer.
#[derive(Debug, Clone, Serialize)]
pub struct Offered {
    /// The block of text.
    pub offer: String,
    /// The key's fingerprint.
    pub fingerprint: Thumbprint,
}

/// Makes the offer.
pub async fn run(desk: &Desk, _args: Args) -> Outcome<Offered> {
    let offer = desk.door().await?.text(Ask::Offer).await?;
    let fingerprint = desk.home().identity()?.public_key.thumbprint();
    // Beside the offer and never in it: who could swap the one could swap the other.
    desk.output().note(&format!(
        "Its fingerprint, to be told by another way than you send it: {fingerprint} (the first {} characters are enough)",
        Fingerprint::FEWEST
    ));
    Ok(Offered { offer, fingerprint })
}

impl Render for Offered {
    fn text(&self, _style: Style) -> String {
        self.offer.trim_end().to_owned()
    }
}
