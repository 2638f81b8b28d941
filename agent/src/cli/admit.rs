//! `streembit-agent invite --offer`

use std::fs::File;
use std::io::{self, Read};

use streembit_peer::offer::Offer;

use super::{Context, Found};
use crate::control::answer::Admitted;
use crate::control::{AdmitArgs, Call, Failure};

/// Hands an offer to the agent, which judges it: only the agent knows the time.
pub(super) fn execute(context: &Context, args: AdmitArgs) -> Result<Found, Failure> {
    let admitted: Admitted = context.ask(&Call::Admit(args))?;
    let text = text_of(&admitted);
    Ok(Found::new(&admitted, text))
}

/// The offer in this file (`-` for standard input).
pub(super) fn offer(file: &str) -> Result<String, Failure> {
    match file {
        "-" => read(&mut io::stdin(), "standard input"),
        path => read(&mut File::open(path).map_err(|error| unread(path, &error))?, path),
    }
}

/// The text, whatever its encoding: what surrounds an offer in a mail may be in any, and the offer itself is ASCII.
fn read(from: &mut dyn Read, place: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    // One byte more than is allowed shows that there is too much.
    from.take(Offer::MAX_TEXT as u64 + 1).read_to_end(&mut bytes).map_err(|error| unread(place, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unread(place: &str, error: &io::Error) -> Failure {
    Failure::invalid(format!("the offer cannot be read from {place}: {error}"))
}

fn text_of(admitted: &Admitted) -> String {
    let Admitted { contact, name, role, verified } = admitted;
    let trust = if *verified {
        format!("Verified: {contact} is what you were told.")
    } else {
        format!(
            "Unverified until you have compared {contact} with what they tell you by another way than the offer came, in a \
             call for example (`streembit offer` shows it to them). If it is another: streembit-agent revoke {contact}"
        )
    };
    format!(
        "{name} is a contact of this device now: {role}.\n{trust}\n\
         They need this device's offer (`streembit-agent offer`) and run: streembit contacts add FILE"
    )
}
