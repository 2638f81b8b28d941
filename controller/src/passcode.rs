//! What a person is told where no passcode comes.

pub use streembit_peer::passcode::{NoPasscode, Source};

use crate::error::Failure;

impl From<NoPasscode> for Failure {
    fn from(error: NoPasscode) -> Self {
        match error {
            NoPasscode::NoTerminal => {
                Self::because("The account is locked, and there is no terminal to ask for the passcode.")
                    .or("Run `streembit unlock` first, or give `--passcode-file FILE` or `--passcode-fd N`.")
            }
            NoPasscode::NotGiven => Self::because("No passcode was given."),
            other => Self::invalid(sentence(&other.to_string())),
        }
    }
}

/// Tells why the person is asked again.
pub(crate) fn show(text: &str) {
    crate::output::note(&sentence(text));
}

fn sentence(text: &str) -> String {
    format!("{}.", crate::home::capitalised(text))
}
