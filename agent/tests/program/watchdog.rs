//! What systemd is told: that the device is ready, that its parts make progress, and that it ends.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;
use streembit_agent::liveness::{Part, stuck};

use super::person::{Home, SOON};
use super::process::Machine;

/// What stands in for systemd.
fn notified(machine: &Machine) -> (UnixDatagram, std::path::PathBuf) {
    let path = machine.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    (socket, path)
}

fn hear(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn a_running_device_feeds_the_watchdog_until_it_stops() {
    let machine = Machine::with_device();
    let (systemd, path) = notified(&machine);
    let agent = machine.start_with(|run| run.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000"));
    assert_eq!(hear(&systemd), "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(&systemd), "WATCHDOG=1");
    }
    agent.signal(Signal::TERM);
    while hear(&systemd) != "STOPPING=1" {}
    assert!(agent.end().success());
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let machine = Machine::with_device();
    let (systemd, path) = notified(&machine);
    let agent = machine.start_with(|run| {
        run.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "30000").env("WATCHDOG_PID", "1")
    });
    assert_eq!(hear(&systemd), "READY=1");
    // Several of its rounds, were it fed.
    std::thread::sleep(Duration::from_millis(200));
    agent.signal(Signal::TERM);
    assert_eq!(hear(&systemd), "STOPPING=1");
    assert!(agent.end().success());
}

#[tokio::test]
async fn every_part_of_a_running_device_answers_and_none_of_a_stopped_one() {
    let home = Home::new();
    let daemon = home.start().await;
    let liveness = daemon.liveness();
    let names: Vec<String> = liveness.parts().iter().map(|part| part.name().to_owned()).collect();
    assert_eq!(names, ["journal", "network", "sessions", "control socket", "metrics", "config file"]);
    assert_eq!(stuck(liveness.parts(), SOON).await, Vec::<String>::new());

    // The tasks end, and are missed. The journal's thread lives as long as somebody holds it.
    daemon.stop().await;
    let parts: Vec<Part> = liveness.parts();
    assert_eq!(stuck(parts, SOON).await, ["network", "sessions", "control socket", "metrics", "config file"]);
}
