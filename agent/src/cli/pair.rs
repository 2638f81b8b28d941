//! `streembit-agent pair`

use streembit_peer::link::Link;
use streembit_peer::rights::Role;

use super::{Context, Found, show};
use crate::control::answer::MadeLink;
use crate::control::{Call, Failure, PairArgs};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent pair                    take a new device: the first to come becomes its owner
  streembit-agent pair --role operator    let somebody beside the device in, who may use all its Things
  streembit-agent pair --close            close it again

The link counts for ten minutes and for one person. The other side types `streembit pair LINK`.")]
pub(super) struct Args {
    /// What the person becomes; without it, the owner of a device that has none
    #[arg(long, value_parser = parse_role)]
    role: Option<Role>,

    /// Close an open pairing
    #[arg(long, conflicts_with = "role")]
    close: bool,
}

/// A role by its name, for clap.
pub(super) fn parse_role(text: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| format!("`{text}` is no role: {}", Role::ALL.map(Role::as_str).join(", ")))
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    if args.close {
        let answer: serde_json::Value = context.ask(&Call::ClosePairing)?;
        return Ok(Found::new(&answer, "The pairing is closed."));
    }
    let made: MadeLink = context.ask(&Call::Pair(PairArgs { role: args.role, ..PairArgs::default() }))?;
    let who = match made.role {
        Role::Owner => "Whoever follows this link first becomes the owner of this device.".to_owned(),
        role => format!("Whoever follows this link becomes a contact of this device: {role}."),
    };
    Ok(Found::new(&made, text_of(&made, &who, "pair")))
}

/// What to do with the link, the link, and below it the QR code: what comes last is what a small terminal still shows.
pub(super) fn text_of(made: &MadeLink, who: &str, verb: &str) -> String {
    let qr = made.link.parse::<Link>().ok().and_then(|link| link.qr());
    let qr = qr.map(|qr| format!("\n\n{}", qr.trim_end())).unwrap_or_default();
    let valid = show::span(made.valid_for);
    format!(
        "{who}\nIt counts once, for {valid}. Show it to nobody else.\n\n  streembit {verb} {}{qr}",
        made.link
    )
}

#[cfg(test)]
mod tests {
    use streembit_keys::{PrivateKey, rng};
    use streembit_peer::link::{LinkKind, Secret};

    use super::*;

    #[test]
    fn the_code_is_what_a_terminal_of_24_rows_still_shows() {
        let mut random = rng::system();
        let hint = format!(
            "/ip4/192.168.100.200/tcp/7600/p2p/{}",
            "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
        );
        let device = PrivateKey::generate(&mut random).public().thumbprint();
        let hints = vec![hint.parse().unwrap(); Link::MAX_HINTS];
        let link = Link { kind: LinkKind::Pairing, device, secret: Secret::generate(&mut random), hints };
        let made = MadeLink { link: link.to_uri(), valid_for: 600, role: Role::Owner, invitation: None };
        let text = text_of(&made, "Whoever follows it.", "pair");
        let code = link.qr().unwrap();
        assert!(text.ends_with(code.trim_end()));
        // The last row is the shell's.
        assert!(code.trim_end().lines().count() < 24);
        assert!(code.lines().all(|line| line.chars().count() <= 80));
    }
}
