//! Lines of the log as entries of systemd's journal, with their fields.
//!
//! This is journald's native protocol, one datagram an entry. `tracing-journald` speaks it too, and leaves the fields out of the
//! message: then `journalctl -u streembit-agent`, which shows messages alone, would say that a plugin ended and not which. Here
//! each field is in the message for people, and beside it for `journalctl STREEMBIT_PLUGIN=door`.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where journald listens (`systemd-journald.service(8)`).
const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value, the message with its fields included: a plugin's longest line is 4 KiB, and a datagram takes 200.
const MAX_VALUE: usize = 16 * 1024;

/// What our own fields are called by, so that they are told from everybody's.
const PREFIX: &str = "STREEMBIT_";

/// Sends every line of the log to the journal.
pub(super) struct Journald(UnixDatagram);

impl Journald {
    /// Connects to the journal of this machine.
    pub(super) fn connect() -> io::Result<Self> {
        Self::connect_to(Path::new(SOCKET))
    }

    fn connect_to(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // A journal that takes nothing must not stop the device.
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

impl<S: Subscriber> Layer<S> for Journald {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let entry = entry(event);
        if self.0.send(&entry.datagram).is_err() {
            // The journal is being restarted, or is busy: its other door is this process's standard error.
            let _ = writeln!(io::stderr().lock(), "{}", entry.message);
        }
    }
}

struct Entry {
    message: String,
    datagram: Vec<u8>,
}

fn entry(event: &Event<'_>) -> Entry {
    let mut line = Line::default();
    event.record(&mut line);
    let metadata = event.metadata();
    let message = format!("{}{}", line.message, line.fields);
    let mut datagram = line.entries;
    put(&mut datagram, "PRIORITY", priority(*metadata.level()));
    put(&mut datagram, "SYSLOG_IDENTIFIER", "streembit-agent");
    put(&mut datagram, "TARGET", metadata.target());
    put(&mut datagram, "MESSAGE", &message);
    Entry { message, datagram }
}

/// As `syslog(3)` numbers them.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// One field: on a line where its value is one, and with its length where it is not.
fn put(datagram: &mut Vec<u8>, name: &str, value: &str) {
    let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or_default();
    datagram.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        datagram.push(b'=');
    }
    datagram.extend_from_slice(value.as_bytes());
    datagram.push(b'\n');
}

/// What an event says: its message, its fields behind it, and each field as journald takes it.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
    entries: Vec<u8>,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            // Writing to a string does not fail.
            let _ = write!(self.fields, " {}={value:?}", field.name());
            self.put(field, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message.push_str(&text);
        } else {
            let _ = write!(self.fields, " {}={text}", field.name());
            self.put(field, &text);
        }
    }
}

impl Line {
    /// Names of fields are the program's own: letters, digits and underlines once the dots of paths are gone.
    fn put(&mut self, field: &Field, value: &str) {
        let name = field.name().to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        put(&mut self.entries, &format!("{PREFIX}{name}"), value);
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What the journal gets of what `tell` logs.
    fn received(tell: impl FnOnce()) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let layer = Journald::connect_to(&path).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
        let mut datagram = vec![0; 64 * 1024];
        let length = journal.recv(&mut datagram).unwrap();
        datagram.truncate(length);
        datagram
    }

    fn lines(datagram: &[u8]) -> Vec<String> {
        String::from_utf8(datagram.to_vec()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_has_its_fields_in_the_message_and_beside_it() {
        let plugin = "door";
        let entry =
            lines(&received(|| tracing::warn!(%plugin, times = 3, reason = "it trapped", "a plugin ended")));
        for line in [
            "STREEMBIT_PLUGIN=door",
            "STREEMBIT_TIMES=3",
            "STREEMBIT_REASON=it trapped",
            "PRIORITY=4",
            "SYSLOG_IDENTIFIER=streembit-agent",
            "MESSAGE=a plugin ended plugin=door times=3 reason=\"it trapped\"",
        ] {
            assert!(entry.iter().any(|has| has == line), "{line} in {entry:?}");
        }
        assert!(entry.iter().any(|line| line.starts_with("TARGET=streembit_agent::")), "{entry:?}");
    }

    #[test]
    fn nobody_slips_in_a_field_of_his_own() {
        let datagram = received(|| tracing::info!(text = "one\nPRIORITY=0", "a\nMESSAGE=b"));
        let text = b"STREEMBIT_TEXT\n\x0e\0\0\0\0\0\0\0one\nPRIORITY=0\n";
        assert!(datagram.windows(text.len()).any(|window| window == text), "{datagram:?}");
        // Its quoted form in the message has no line of its own.
        let message = b"MESSAGE\n";
        assert!(datagram.windows(message.len()).any(|window| window == message), "{datagram:?}");
    }

    #[test]
    fn a_long_line_is_cut() {
        let long = "ä".repeat(MAX_VALUE);
        let datagram = received(|| tracing::info!("{long}"));
        assert!(datagram.len() < MAX_VALUE + 1000);
        assert!(String::from_utf8(datagram).is_ok(), "between two characters");
    }
}
