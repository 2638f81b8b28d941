//! The contact offers of others, as they came: in a file, or on standard input.

use std::fs::File;
use std::io::Read;

use streembit_peer::offer::{Fingerprint, Offer, Purpose, Received, Unusable};

use crate::clock;
use crate::error::{Failure, Outcome};
use crate::home::{Home, capitalised};

/// Reads the offer in this file (`-` for standard input) and checks all that can be checked. `told` is its fingerprint as its
/// owner told it by another way.
pub fn receive(home: &Home, file: &str, purpose: Purpose, told: Option<&Fingerprint>) -> Outcome<Received> {
    let text = match file {
        "-" => read(&mut std::io::stdin(), "standard input")?,
        path => read(&mut File::open(path).map_err(|e| unread(path, &e))?, path)?,
    };
    // Unlike a device, a person sees what their clock says: it vouches for the offer's end.
    let now = Some(clock::unix_now());
    let received = Received::read(&text, purpose, told, now).map_err(|unusable| failure(&unusable))?;
    if received.offer.public_key == home.identity()?.public_key {
        return Err(Failure::invalid("This offer is your own.")
            .or("Give it to the other side, and ask them for theirs."));
    }
    Ok(received)
}

/// One line on how an offer's key becomes a verified one. `theirs` is the command that shows the other side their fingerprint.
pub fn how_to_verify(fingerprint: &str, theirs: &str) -> String {
    format!(
        "until you have compared {fingerprint} with what they tell you by another way than the offer came, in a \
         call for example (`{theirs}` shows it to them)"
    )
}

/// The text, whatever its encoding: what surrounds an offer in a mail may be in any, and the offer itself is ASCII.
fn read(from: &mut dyn Read, place: &str) -> Outcome<String> {
    let mut bytes = Vec::new();
    // One byte more than is allowed shows that there is too much.
    from.take(Offer::MAX_TEXT as u64 + 1).read_to_end(&mut bytes).map_err(|e| unread(place, &e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unread(place: &str, error: &std::io::Error) -> Failure {
    Failure::invalid(format!("Cannot read the offer from {place}: {error}."))
}

fn failure(unusable: &Unusable) -> Failure {
    let failure = Failure::new(unusable.exit(), format!("{}.", capitalised(&unusable.to_string())));
    match unusable.remedy() {
        Some(remedy) => failure.or(remedy),
        None => failure,
    }
}
