//! mDNS, in a network namespace that the test makes for itself: nothing of it reaches a real network.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;

use super::*;

/// Set for the process that has a network of its own.
const APART: &str = "STREEMBIT_TEST_APART";

/// Runs a test, by its name here, in a process whose network is a pair of cables between nothing and nothing.
fn on_a_network_of_its_own(name: &str, test: impl AsyncFnOnce()) {
    if std::env::var_os(APART).is_none() {
        return in_a_process_of_its_own(name);
    }
    for line in [
        "link set lo up",
        "link add lan0 type veth peer name lan1",
        "address add 10.77.0.1/24 dev lan0",
        "link set lan0 up",
        "link set lan1 up",
        "route add 224.0.0.0/4 dev lan0",
    ] {
        let done = Command::new("ip").args(line.split(' ')).status().expect("`ip` (Debian: iproute2)");
        assert!(done.success(), "ip {line}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test());
}

fn in_a_process_of_its_own(name: &str) {
    let mut apart = Command::new("unshare");
    // Not root: root in a namespace of its own may make networks, too.
    if !rustix::process::geteuid().is_root() {
        apart.arg("--map-root-user");
    }
    apart.arg("--net").arg(std::env::current_exe().unwrap());
    apart.args(["--exact", &format!("network::tests::neighbours::{name}"), "--nocapture"]);
    let ended = apart.env(APART, "1").output().expect("`unshare` (Debian: util-linux)");
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

async fn on_the_lan(listen: &[&str]) -> (Network, Incoming) {
    let config = NetworkConfig {
        transport_key: PrivateKey::generate(&mut streembit_keys::rng::system()),
        listen: listen.iter().map(|text| text.parse().unwrap()).collect(),
        mdns: true,
        limits: hasty(),
    };
    Network::start(config).await.unwrap()
}

#[test]
fn neighbours_find_each_other_and_can_be_dialled() {
    on_a_network_of_its_own("neighbours_find_each_other_and_can_be_dialled", async || {
        let (device, incoming) = on_the_lan(&["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"]).await;
        echo(incoming);
        let (person, _none) = on_the_lan(&[]).await;

        eventually("the device is found on both transports", || person.nearby().len() == 2).await;

        let nearby = person.nearby();
        assert!(nearby.iter().all(|address| address.peer() == device.peer_id()), "{nearby:?}");
        assert!(nearby.iter().all(|address| address.to_string().contains("/10.77.0.1/")), "{nearby:?}");
        let mut stream = person.dial(&nearby).await.unwrap();
        round_trip(&mut stream, b"hello").await;
    });
}

#[test]
fn who_has_mdns_off_is_not_found() {
    on_a_network_of_its_own("who_has_mdns_off_is_not_found", async || {
        let (silent, _incoming) = start(&["/ip4/0.0.0.0/tcp/0"], hasty()).await;
        let (found, _incoming) = on_the_lan(&["/ip4/0.0.0.0/tcp/0"]).await;
        let (person, _none) = on_the_lan(&[]).await;
        eventually("one is found", || !person.nearby().is_empty()).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert!(person.nearby().iter().all(|address| address.peer() == found.peer_id()));
        assert!(silent.nearby().is_empty());
    });
}

/// The engine leaves its responder running; ours must fall silent with the network.
#[test]
fn after_shutdown_nothing_answers_any_more() {
    on_a_network_of_its_own("after_shutdown_nothing_answers_any_more", async || {
        let (device, _incoming) = on_the_lan(&["/ip4/0.0.0.0/tcp/0"]).await;
        let (person, none) = on_the_lan(&[]).await;
        eventually("the device is found", || !person.nearby().is_empty()).await;
        person.shutdown().await;
        drop(none);
        assert!(answers_to_a_query(), "the question of this test is one that is answered");

        device.shutdown().await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;

        assert!(!answers_to_a_query());
    });
}

/// Asks for `_p2p._udp.local` by hand and says whether anybody answered within half a second.
fn answers_to_a_query() -> bool {
    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_p2p\x04_udp\x05local\0\0\x0c\0\x01";
    let ours = std::thread::spawn(move || {
        let socket = mdns_socket();
        socket.join_multicast_v4(&GROUP, &Ipv4Addr::new(10, 77, 0, 1)).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
        let asker = UdpSocket::bind("10.77.0.1:0").unwrap();
        asker.send_to(query, SocketAddr::from((GROUP, 5353))).unwrap();
        let mut packet = [0; 4096];
        loop {
            match socket.recv_from(&mut packet) {
                // The top bit of the flags says that it is an answer.
                Ok((length, _)) if length > 12 && packet[2] & 0x80 != 0 => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    });
    ours.join().unwrap()
}

/// A socket on the mDNS port, which others have too.
fn mdns_socket() -> UdpSocket {
    use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    sockopt::set_socket_reuseport(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5353))).unwrap();
    socket.into()
}
