//! Where the log goes: to systemd's journal with its fields, where systemd started the agent, and to standard error else.

use std::io::{self, IsTerminal as _};

use rustix::fs::fstat;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

use super::journald::Journald;

/// What is logged where nobody says otherwise: our own news, and others' warnings.
const DEFAULT: &str = "warn,streembit_agent=info,streembit_peer=info";

/// Starts the log of this process.
pub(super) fn start() {
    let filter = EnvFilter::try_from_env("STREEMBIT_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let is_systemds = std::env::var("JOURNAL_STREAM").is_ok_and(|stream| is_standard_error(&stream));
    // A second start in one process (a test) keeps the first log.
    let _ = match is_systemds.then(Journald::connect) {
        Some(Ok(journal)) => registry().with(filter).with(journal).try_init(),
        // The journal takes the lines of standard error too, with time stamps of its own.
        Some(Err(_)) => {
            let lines = fmt::layer().with_writer(io::stderr).with_ansi(false).without_time();
            registry().with(filter).with(lines).try_init()
        }
        None => {
            let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
            registry().with(filter).with(lines).try_init()
        }
    };
}

/// Whether standard error is the stream that systemd made (`systemd.exec(5)`, `$JOURNAL_STREAM`): whoever sent it elsewhere
/// wants the log there.
fn is_standard_error(stream: &str) -> bool {
    let Ok(own) = fstat(io::stderr()) else { return false };
    stream
        .split_once(':')
        .is_some_and(|(device, inode)| device.parse() == Ok(own.st_dev) && inode.parse() == Ok(own.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_that_is_standard_error_is_systemds() {
        let own = fstat(io::stderr()).unwrap();
        assert!(is_standard_error(&format!("{}:{}", own.st_dev, own.st_ino)));
        for other in [&*format!("{}:{}", own.st_dev, own.st_ino + 1), "", ":", "x:y", "1"] {
            assert!(!is_standard_error(other), "{other}");
        }
    }
}
