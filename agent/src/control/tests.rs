use std::future::Future;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use streembit_peer::exit::Exit;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::identity::DataFolder;

/// Answers with what it was asked; refuses to revoke.
struct Echo;

impl Handler for Echo {
    fn answer(&self, call: Call) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            match call {
                Call::Revoke { contact, .. } => {
                    Err(Failure::refused(format!("no `{contact}`")).or("Look again."))
                }
                Call::Log { limit, .. } => Ok(Value::String("x".repeat(limit))),
                call => Ok(serde_json::to_value(call).unwrap()),
            }
        })
    }
}

struct Running {
    folder: tempfile::TempDir,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = bind(&DataFolder::new(folder.path()).control_socket()).unwrap();
        let stop = CancellationToken::new();
        let (_, beat) = crate::liveness::pulse();
        let task = tokio::spawn(serve(listener, Arc::new(Echo), beat, stop.clone()));
        Self { folder, stop, task }
    }

    fn data(&self) -> DataFolder {
        DataFolder::new(self.folder.path())
    }

    async fn ask(&self, call: Call) -> Result<Value, Failure> {
        let data = self.data();
        blocking(move || Client::connect(&data)?.ask(&call)).await
    }

    /// Sends bytes and returns what comes back until the other side closes.
    async fn raw(&self, bytes: Vec<u8>) -> String {
        let path = self.data().control_socket();
        blocking(move || {
            let mut stream = UnixStream::connect(path).unwrap();
            // The other side may close before it has read everything.
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn a_call_is_answered_and_a_refusal_keeps_its_remedy() {
    let running = Running::start();
    assert_eq!(running.ask(Call::Status).await, Ok(json!({"call": "status"})));
    let failure = running.ask(Call::Revoke { contact: "bob".into(), last_owner: false }).await.unwrap_err();
    assert_eq!(failure, Failure::refused("no `bob`").or("Look again."));
    running.stop.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn many_calls_go_over_one_connection() {
    let running = Running::start();
    let data = running.data();
    blocking(move || {
        let mut client = Client::connect(&data).unwrap();
        for _ in 0..100 {
            client.ask(&Call::Contacts).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_socket_is_its_owners_alone() {
    let running = Running::start();
    let mode = std::fs::metadata(running.data().control_socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_no_call_gets_an_answer_that_says_so() {
    let running = Running::start();
    for bad in ["hello\n", "{}\n", r#"{"call":"dance"}"#, "\n", r#"{"call":"status","more":1}"#, "[]\n"] {
        let mut bytes = bad.as_bytes().to_vec();
        if !bad.ends_with('\n') {
            bytes.push(b'\n');
        }
        let answer = running.raw(bytes).await;
        assert!(answer.contains(r#""exit":"invalid-input""#), "{bad}: {answer}");
    }
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    let running = Running::start();
    let answer = running.raw(vec![b'x'; MAX_CALL * 4]).await;
    // The answer may be lost with the connection, but nothing hangs and the next caller is served.
    assert!(answer.is_empty() || answer.contains("at most"), "{answer}");
    assert!(running.ask(Call::Status).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_too_long_becomes_a_failure() {
    let running = Running::start();
    let short = running.ask(Call::Log { from: None, limit: 1000 }).await.unwrap();
    assert_eq!(short.as_str().unwrap().len(), 1000);
    let failure = running.ask(Call::Log { from: None, limit: MAX_ANSWER }).await.unwrap_err();
    assert!(failure.message.contains("too long"), "{failure}");
}

#[tokio::test]
async fn the_one_caller_too_many_is_closed_and_the_others_stay() {
    let running = Running::start();
    let data = running.data();
    let mut clients = Vec::new();
    for _ in 0..16 {
        let mut client = Client::connect(&data).unwrap();
        client = blocking(move || {
            client.ask(&Call::Status).unwrap();
            client
        })
        .await;
        clients.push(client);
    }
    assert!(running.ask(Call::Status).await.is_err());
    let mut first = clients.remove(0);
    blocking(move || first.ask(&Call::Status).unwrap()).await;
    assert!(running.ask(Call::Status).await.is_ok());
}

#[tokio::test]
async fn stopping_ends_idle_callers() {
    let running = Running::start();
    let client = Client::connect(&running.data()).unwrap();
    running.stop.cancel();
    tokio::time::timeout(std::time::Duration::from_secs(5), running.task).await.unwrap().unwrap();
    drop(client);
}

#[test]
fn where_no_agent_runs_the_failure_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::new(folder.path());
    let failure = Client::connect(&data).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.remedy.as_deref().unwrap().contains(" init"), "{failure}");

    std::fs::write(data.account_key(), "").unwrap();
    // A socket that a killed agent left behind.
    drop(std::os::unix::net::UnixListener::bind(data.control_socket()).unwrap());
    let failure = Client::connect(&data).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.remedy.as_deref().unwrap().contains(" run"), "{failure}");
}
