//! Peers that speak the network's language and mean no good: streams of garbage, messages of 10 MB, and both also from
//! somebody whom the device knows. They cost it little, it stays as it was, and others are served meanwhile.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};

use serde_json::json;
use streembit_controller::clock::unix_now;
use streembit_harness::{Device, Person, Programs};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::client::Connection;
use streembit_peer::link::Link;
use streembit_peer::message::{Answer, Call, Operation};
use streembit_peer::network::{Address, Limits, Network, NetworkConfig, Stream};
use streembit_peer::session::{Established, PeerIds, Remote};
use streembit_peer::wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What 10 MB of anything may cost the agent in memory at any time, in KiB: the frames that its limits let it hold.
const MAY_GROW: u64 = 8 << 10;

/// Streams at once. With all that this test dials it stays below what a device takes from one machine in a burst: beyond
/// that it would not even look at what comes.
const STREAMS: usize = 2;

struct Hostile {
    key: PrivateKey,
    network: Network,
    addresses: Vec<Address>,
}

impl Hostile {
    async fn new(addresses: Vec<Address>) -> Self {
        let transport_key = PrivateKey::generate(&mut rng::system());
        let config =
            NetworkConfig { transport_key, listen: Vec::new(), mdns: false, limits: Limits::default() };
        let (network, _) = Network::start(config).await.unwrap();
        Self { key: PrivateKey::generate(&mut rng::system()), network, addresses }
    }

    async fn dial(&self) -> Stream {
        self.network.dial(&self.addresses).await.unwrap()
    }

    /// A session, and the stream that it is on.
    async fn enter(&self, remote: Remote) -> (Stream, Established) {
        let mut stream = self.dial().await;
        let peer_ids =
            PeerIds { initiator: self.network.peer_id().to_string(), responder: stream.remote().to_string() };
        let established = wire::initiate(&mut stream, &self.key, remote, peer_ids, unix_now).await.unwrap();
        (stream, established)
    }

    /// Becomes a contact by a pairing link. Gives what the device is known by from then on.
    async fn pair(&self, link: &Link) -> Remote {
        let (stream, established) = self.enter(Remote::Pairing(link.device)).await;
        let known = Remote::Known(established.peers.remote.clone());
        let proof = link.secret.proof(&established.peers.sid, &self.key.public().thumbprint());
        let connection = Connection::new(stream, established, self.key.clone());
        let input = json!({ "proof": proof, "name": "Mallory" });
        let (thing, action) = ("device".parse().unwrap(), Some("pair".parse().unwrap()));
        let call =
            Call::new(Operation::InvokeAction, thing, action, Some(&input), &mut rng::system()).unwrap();
        let answer = connection.call(&call, wire::HANDSHAKE_TIMEOUT).await.unwrap().result;
        assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
        known
    }
}

/// What a peer sends that is no message: each kind as its bytes.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let ten_megabytes = 10_000_000u32;
    let mut announced = ten_megabytes.to_be_bytes().to_vec();
    announced.resize(announced.len() + ten_megabytes as usize, b'x');
    let mut framed = Vec::new();
    wire::append_frame(&mut framed, &vec![b'x'; wire::MAX_FRAME]).unwrap();
    vec![
        ("a message of 10 MB", announced),
        ("frames of the longest length, 10 MB in all", framed.repeat(40)),
        ("10 MB of garbage", vec![0xff; ten_megabytes as usize]),
        ("an announced message and no more", 100_000u32.to_be_bytes().to_vec()),
        ("a request of another protocol", b"GET / HTTP/1.1\r\nHost: garage\r\n\r\n".to_vec()),
        ("JSON", b"\0\0\0\x07{\"v\":1}".to_vec()),
        ("nothing", Vec::new()),
    ]
}

/// Sends it all, and hears not one byte.
async fn send(mut stream: Stream, bytes: &[u8], what: &str) {
    // The device may hang up before it has all of it.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    assert!(heard.is_empty(), "{what}: {} bytes of answer", heard.len());
}

/// The most memory that a process ever had, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_send_nonsense_cost_little_and_change_nothing() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    let open = || ada.run(["invoke", "garage/door/open"]).unwrap().success().unwrap();
    open();

    let link = device.run(["pair", "--role", "viewer", "--json"]).unwrap().success().unwrap().json().unwrap();
    let link: Link = link["link"].as_str().unwrap().parse().unwrap();
    let process = device.process().unwrap().id();
    let (tcp, quic): (Vec<_>, Vec<_>) =
        link.hints.iter().cloned().partition(|address| address.to_string().contains("/tcp/"));
    let mallory = Hostile::new(tcp).await;
    let known = mallory.pair(&link).await;
    let before = peak(process);

    // From somebody whom the device knows, inside a session.
    for (what, bytes) in nonsense() {
        let (stream, _) = mallory.enter(known.clone()).await;
        send(stream, &bytes, what).await;
    }
    // From strangers, before there is one; some at once.
    let stranger = Hostile::new(quic).await;
    for (what, bytes) in nonsense() {
        for peer in [&mallory, &stranger] {
            let sent = (0..STREAMS).map(|_| async { send(peer.dial().await, &bytes, what).await });
            futures::future::join_all(sent).await;
        }
        open();
    }
    // And from somebody who does not even speak the network's language.
    for address in &link.hints {
        let text = address.to_string();
        let port = text.split('/').nth(4).unwrap().parse::<u16>().unwrap();
        if text.contains("/tcp/") {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            // It may hang up at once.
            let _ = stream.write_all(&vec![0xa5; 1 << 20]);
        } else {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            for length in 1..1400 {
                let _ = socket.send_to(&vec![0xa5; length], ("127.0.0.1", port));
            }
        }
    }
    open();

    let grown = peak(process).saturating_sub(before);
    println!("{grown} KiB more at most");
    assert!(grown < MAY_GROW, "{grown} KiB");
    assert_eq!(device.door().movements(), 2 + nonsense().len());
    assert_eq!(device.process().unwrap().id(), process);
    device.run(["check"]).unwrap().success().unwrap();
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    mallory.network.shutdown().await;
    stranger.network.shutdown().await;
    device.stop().unwrap();
}
