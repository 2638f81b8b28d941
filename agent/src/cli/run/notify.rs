//! Telling whoever started the program how it is: systemd (`sd_notify(3)`), or a script that waits on a pipe.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::control::Failure;
use crate::liveness::{Part, stuck};

/// The device answers.
pub(super) fn ready(fd: Option<u32>) -> Result<(), Failure> {
    tell_systemd("READY=1");
    let Some(fd) = fd else { return Ok(()) };
    // By its name in /proc the descriptor is opened once more, which needs no trust in where the number came from.
    OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{fd}"))
        .and_then(|mut pipe| pipe.write_all(b"ready\n"))
        .map_err(|error| Failure::invalid(format!("--ready-fd {fd}: {error}")))
}

/// The device is about to end.
pub(super) fn stopping() {
    tell_systemd("STOPPING=1");
}

/// systemd's watchdog on this process.
pub(super) struct Watchdog {
    /// How long it goes without being fed.
    patience: Duration,
}

impl Watchdog {
    /// The one that systemd wants (`sd_watchdog_enabled(3)`), where it wants one of this process.
    pub(super) fn of_environment() -> Option<Self> {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let micros = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && is_ours)?;
        Some(Self { patience: Duration::from_micros(micros) })
    }

    /// Asks every part, again and again, and feeds the watchdog when all of them answered.
    ///
    /// A third of its patience lies between two rounds, and a third is what a part may take: so one slow round is forgiven,
    /// and a part that does not come round any more is not.
    pub(super) async fn feed(&self, parts: impl Fn() -> Vec<Part>, eat: impl Fn()) {
        let third = (self.patience / 3).max(SHORTEST);
        let mut rounds = tokio::time::interval(third);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let stuck = stuck(parts(), third).await;
            if stuck.is_empty() {
                eat();
            } else {
                tracing::error!(parts = stuck.join(", "), "no progress: the watchdog is not fed");
            }
        }
    }
}

/// Shortest pause between two rounds, whatever systemd is told.
const SHORTEST: Duration = Duration::from_millis(20);

/// Food for systemd's watchdog.
pub(super) fn alive() {
    tell_systemd("WATCHDOG=1");
}

fn tell_systemd(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(socket.as_bytes(), state) {
        tracing::warn!("systemd does not hear `{state}`: {error}");
    }
}

fn send(socket: &[u8], state: &str) -> io::Result<()> {
    // A leading @ means a name without a file.
    let address = match socket.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn systemd_hears_it_on_a_path_and_on_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("streembit-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&abstract_name).unwrap();

        send(path.as_os_str().as_bytes(), "READY=1").unwrap();
        send(format!("@{name}").as_bytes(), "READY=1").unwrap();
        for socket in [by_path, by_name] {
            let mut buffer = [0; 32];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1");
        }
        assert!(send(b"/no/such/socket", "READY=1").is_err());
    }

    /// A round takes 20 ms; a part that never answers makes the next one take 40 ms.
    const QUICK: Watchdog = Watchdog { patience: Duration::from_millis(60) };

    #[tokio::test]
    async fn the_watchdog_is_fed_while_all_answer_and_not_while_one_is_stuck() {
        let (pulse, mut beat) = crate::liveness::pulse();
        // Counts what it eats, and how often it was asked for.
        let (eaten, rounds) = (Cell::new(0), Cell::new(0));
        let parts = || {
            rounds.set(rounds.get() + 1);
            vec![Part::of_pulse("part", pulse.clone(), None)]
        };
        let eat = || eaten.set(eaten.get() + 1);
        let until = async |count: &Cell<u32>, n| {
            while count.get() < n {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // Nobody answers: three rounds without a meal.
        tokio::select! {
            () = QUICK.feed(parts, eat) => unreachable!(),
            () = until(&rounds, 4) => {}
        }
        assert_eq!(eaten.get(), 0);
        // It comes round again, and is fed.
        tokio::select! {
            () = QUICK.feed(parts, eat) => unreachable!(),
            never = beat.answer() => match never {},
            () = until(&eaten, 3) => {}
        }
    }
}
