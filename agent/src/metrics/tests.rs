use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::control::bind;

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct Fixed {
    healthy: bool,
}

impl Report for Fixed {
    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn health(&self) -> Pin<Box<dyn Future<Output = HealthReport> + Send + '_>> {
        Box::pin(async { HealthReport { healthy: self.healthy, document: "{\"x\":1}".to_owned() } })
    }
}

struct Running {
    _folder: tempfile::TempDir,
    socket: PathBuf,
    port: u16,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(healthy: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("metrics.sock");
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let number = port.local_addr().unwrap().port();
        let listeners = Listeners { socket: Some(bind(&socket).unwrap()), port: Some(port) };
        let stop = CancellationToken::new();
        let (_, beat) = crate::liveness::pulse();
        let task = tokio::spawn(serve(listeners, Arc::new(Fixed { healthy }), beat, stop.clone()));
        Self { _folder: folder, socket, port: number, stop, task }
    }

    /// What comes back on the port until the other side closes.
    async fn port(&self, request: &[u8]) -> String {
        let (port, request) = (self.port, request.to_owned());
        blocking(move || converse(TcpStream::connect(("127.0.0.1", port)).unwrap(), &request)).await
    }

    async fn socket(&self, request: &[u8]) -> String {
        let (path, request) = (self.socket.clone(), request.to_owned());
        blocking(move || converse(UnixStream::connect(path).unwrap(), &request)).await
    }
}

fn converse(mut stream: impl std::io::Read + std::io::Write, request: &[u8]) -> String {
    // The other side may close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn metrics_and_health_are_on_the_socket_and_on_the_port() {
    let running = Running::start(true).await;
    for answer in [running.socket(REQUEST).await, running.port(REQUEST).await] {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("openmetrics-text"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n# EOF\n"), "{answer}");
    }
    let health = running.socket(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("{\"x\":1}"), "{health}");
    let unwell = Running::start(false).await;
    let health = unwell.port(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 503 ") && health.ends_with("{\"x\":1}"), "{health}");
}

#[tokio::test]
async fn a_page_that_came_by_another_name_reads_nothing() {
    let running = Running::start(true).await;
    let answer = running
        .port(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && !answer.contains("EOF"), "{answer}");
    let wrong =
        running.port(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc").await;
    assert!(wrong.is_empty() || wrong.starts_with("HTTP/1.1 405 "), "{wrong}");
}

#[tokio::test]
async fn an_endless_request_ends_and_others_are_served() {
    let running = Running::start(true).await;
    let endless = [b"GET /metrics HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let answer = running.port(&endless).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(running.port(REQUEST).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_one_connection_too_many_is_closed_and_those_that_are_there_are_served() {
    let running = Running::start(true).await;
    let port = running.port;
    let mut waiting = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = blocking(move || TcpStream::connect(("127.0.0.1", port)).unwrap()).await;
        // Half a request, so that the place is taken when the next one comes.
        stream.write_all(&REQUEST[..10]).unwrap();
        waiting.push(stream);
    }
    // Accepted in their order: this one comes after all of them.
    assert_eq!(running.port(REQUEST).await, "");
    let mut first = waiting.remove(0);
    let answer = blocking(move || {
        first.write_all(&REQUEST[10..]).unwrap();
        let mut answer = String::new();
        first.read_to_string(&mut answer).unwrap();
        answer
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn who_says_nothing_is_told_so_and_let_go() {
    let running = Running::start(true).await;
    let answer = running.port(b"").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn stopping_ends_those_who_wait() {
    let running = Running::start(true).await;
    let port = running.port;
    let idle = blocking(move || TcpStream::connect(("127.0.0.1", port)).unwrap()).await;
    running.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap();
    drop(idle);
}
