//! What people type: rights, spans of time, moments, weekly hours, heads of journals.

use streembit_agent::journal::KeptHead;
use streembit_peer::words::{Allow, duration, show_duration, weekly};

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(allow) = text.parse::<Allow>() {
        let _ = allow.grant(|_, _| Vec::new());
    }
    if let Ok(span) = duration(text) {
        // Rounded down to two units, for people.
        assert!(duration(&show_duration(span)).expect("what is shown can be typed") <= span);
    }
    let _ = weekly(text, Some("Europe/Berlin"));
    if let Ok(head) = text.parse::<KeptHead>() {
        assert_eq!(head.to_string().parse::<KeptHead>().expect("what is shown can be typed"), head);
    }
}
