//! Metrics and health of a device that runs, as a monitoring system reads them.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::Value;
use streembit_agent::control::answer::MadeLink;
use streembit_agent::control::{Call, PairArgs};
use streembit_keys::rng;
use streembit_peer::health::{Level, Point};
use streembit_peer::link::{Link, Secret};
use streembit_peer::message::{Answer, Call as Request, Operation, ProblemCode};
use streembit_peer::rights::Role;

use super::person::{Home, Person, SETTINGS, SOON, invoke, read};

/// What comes back from a stream for a path, without the head.
fn get(mut stream: impl std::io::Read + std::io::Write, path: &str) -> (String, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), content.to_owned())
}

async fn ask(home: &Home, path: &'static str) -> (String, String) {
    let socket = home.data.metrics_socket();
    let asked = move || get(UnixStream::connect(socket).unwrap(), path);
    tokio::task::spawn_blocking(asked).await.unwrap()
}

/// A port that nobody has just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn value(metrics: &str, sample: &str) -> Option<u64> {
    metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn what_happens_is_counted_and_nobody_is_named() {
    let home = Home::new();
    let port = free_port();
    std::fs::write(home.data.config(), format!("{SETTINGS}[metrics]\nlisten = \"127.0.0.1:{port}\"\n"))
        .unwrap();
    let daemon = home.start().await;
    let link = home.pair().await;
    let (ada, stranger) = (Person::new().await, Person::new().await);
    assert!(matches!(ada.claim(&link, "Ada").await, Answer::Ok(_)));
    assert!(stranger.visit(&link, &daemon).await.is_none(), "a stranger is not answered");
    let session = ada.visit(&link, &daemon).await.unwrap();
    assert!(matches!(read(&session, "version").await, Answer::Ok(_)));
    let refused = invoke(&session, "nowhere", None).await;
    assert!(matches!(refused, Answer::Problem(problem) if problem.code == ProblemCode::Refused));

    // News: somebody tries a secret of their own while the owner listens.
    let event = Some("securityEvent".parse().unwrap());
    let listening =
        Request::new(Operation::SubscribeEvent, "device".parse().unwrap(), event, None, &mut rng::system());
    let (_, news) = session.subscribe(&listening.unwrap(), SOON, 4).await.unwrap();
    let mut news = news.expect("an owner may listen");
    let as_viewer = PairArgs { role: Some(Role::Viewer), ..PairArgs::default() };
    let open: MadeLink = home.ask(Call::Pair(as_viewer)).await.unwrap();
    let wrong = Link { secret: Secret::generate(&mut rng::system()), ..open.link.parse::<Link>().unwrap() };
    assert!(matches!(Person::new().await.claim(&wrong, "Eve").await, Answer::Problem(_)));
    assert_eq!(news.next().await.unwrap().value.unwrap()["what"], "wrong-secret");

    let (head, metrics) = ask(&home, "/metrics").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n")
            && head.contains("application/openmetrics-text; version=1.0.0")
    );
    for (sample, least) in [
        ("streembit_handshakes_total{outcome=\"ok\"}", 2),
        ("streembit_handshakes_total{outcome=\"not-welcome\"}", 1),
        ("streembit_commands_total{operation=\"readproperty\",outcome=\"ok\"}", 1),
        ("streembit_commands_total{operation=\"invokeaction\",outcome=\"refused\"}", 1),
        ("streembit_commands_total{operation=\"invokeaction\",outcome=\"ok\"}", 1),
        ("streembit_denials_total{reason=\"no such affordance, or not with this operation\"}", 1),
        ("streembit_denials_total{reason=\"a wrong secret\"}", 1),
        ("streembit_alarms_total{event=\"wrong-secret\"}", 1),
        ("streembit_notifications_total", 1),
        ("streembit_subscriptions", 1),
        ("streembit_sessions{whose=\"owner\"}", 1),
        ("streembit_journal_entries_total", 1),
        ("streembit_journal_bytes", 4096),
        ("streembit_journal_batch_jobs_count", 1),
        ("streembit_journal_writable", 1),
        ("streembit_clock_trusted", 1),
    ] {
        let value = value(&metrics, sample);
        assert!(
            value.is_some_and(|value| value >= least),
            "{sample} is {value:?}, at least {least}:\n{metrics}"
        );
    }
    assert_eq!(value(&metrics, "streembit_journal_waiting"), Some(0), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let named = [
        "Ada".to_owned(),
        "Eve".to_owned(),
        "nowhere".to_owned(),
        ada.key.public().thumbprint().to_string(),
        daemon.device().key().public().thumbprint().to_string(),
    ];
    for name in &named {
        assert!(!metrics.contains(name.as_str()), "{name} is in:\n{metrics}");
    }

    let on_port = move || get(TcpStream::connect(("127.0.0.1", port)).unwrap(), "/metrics");
    let (_, on_port) = tokio::task::spawn_blocking(on_port).await.unwrap();
    assert_eq!(on_port.lines().count(), metrics.lines().count());
    daemon.stop().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port ends with the device");
}

#[tokio::test]
async fn health_says_why_it_is_not_well() {
    let home = Home::new();
    let broken = home.data.path().join("broken.wasm");
    std::fs::write(&broken, "no component").unwrap();
    let table = format!("{SETTINGS}[plugins.door]\ncomponent = {broken:?}\n");
    std::fs::write(home.data.config(), table).unwrap();
    let daemon = home.start().await;
    let (head, unwell) = ask(&home, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let unwell: Value = serde_json::from_str(&unwell).unwrap();
    assert_eq!(unwell["status"], "unwell");
    let reasons = unwell["reasons"].as_array().unwrap();
    let door = reasons.iter().find(|reason| reason["subject"] == "door").unwrap();
    assert_eq!((&door["code"], &door["level"]), (&10.into(), &"bad".into()), "{door}");
    daemon.stop().await;

    std::fs::write(home.data.config(), SETTINGS).unwrap();
    let daemon = home.start().await;
    let (head, well) = ask(&home, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}: {well}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_keeps_no_device_from_running() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    std::fs::write(home.data.config(), format!("{SETTINGS}[metrics]\nlisten = \"127.0.0.1:{port}\"\n"))
        .unwrap();
    let daemon = home.start().await;
    let points: Vec<Point> = home.ask(Call::Check).await.unwrap();
    let point = points.iter().find(|point| point.name == "metrics").unwrap();
    assert!(point.level == Level::Bad && point.detail.contains(&port.to_string()), "{point:?}");
    assert!(ask(&home, "/metrics").await.0.starts_with("HTTP/1.1 200 OK"));
    daemon.stop().await;
}
