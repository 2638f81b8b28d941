//! Telling whoever started the program how it is: systemd (`sd_notify(3)`), or a script that waits on a pipe.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::control::Failure;

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

/// Shows systemd's watchdog that the program's tasks still run, for as long as they do.
pub(super) async fn watchdog() {
    let Some(micros) = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok()) else {
        return;
    };
    // sd_watchdog_enabled(3) recommends half of it.
    let mut ticks = tokio::time::interval(Duration::from_micros(micros / 2).max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        tell_systemd("WATCHDOG=1");
    }
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
}
