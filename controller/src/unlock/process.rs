//! How the unlock process comes to be: the command starts its own program again and hands it the key through a pipe.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use streembit_keys::PrivateKey;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Client, serve};
use crate::clock::Deadline;
use crate::error::{Failure, Outcome};
use crate::home::Home;
use crate::person::Person;

/// The hidden command that the new process runs.
pub(crate) const COMMAND: &str = "unlock-process";

/// What the new process says once commands can come.
const READY: &str = "ready\n";

/// How long the new process may take to say so: it opens a socket and starts a network.
const STARTING: Duration = Duration::from_secs(20);

/// Starts the process for this home with this key, in place of the one that may be there. Returns its process id.
pub async fn start(home: &Home, key: &PrivateKey, span: Duration) -> Outcome<u32> {
    if let Some(client) = Client::find(home).await? {
        client.lock().await?;
    }
    let cannot = |e: std::io::Error| Failure::because(format!("Cannot start the unlock process: {e}."));
    let folder = home.folder().canonicalize().map_err(cannot)?;
    let mut child = tokio::process::Command::new(std::env::current_exe().map_err(cannot)?)
        .arg("--home")
        .arg(folder)
        .args([COMMAND, "--for"])
        .arg(format!("{}s", span.as_secs().max(1)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(cannot)?;
    let pid = child.id().unwrap_or_default();
    if let Some(mut pipe) = child.stdin.take() {
        // The key goes through a pipe: arguments and environment can be read by others.
        pipe.write_all(key.to_scalar().as_slice()).await.map_err(cannot)?;
    }
    let mut said = String::new();
    if let Some(pipe) = child.stdout.take() {
        let mut pipe = BufReader::new(pipe.take(4096));
        let reading = pipe.read_line(&mut said);
        tokio::time::timeout(STARTING, reading)
            .await
            .map_err(|_| Failure::timed_out("The unlock process did not come up."))?
            .map_err(cannot)?;
    }
    if said == READY {
        return Ok(pid);
    }
    Err(serde_json::from_str(&said).unwrap_or_else(|_| Failure::because("The unlock process ended at once.")))
}

/// The process itself: takes the key from standard input, says that it is ready on standard output, and serves.
pub async fn become_process(home: &Home, span: Duration) -> Outcome<()> {
    let outcome = run(home, span).await;
    if let Err(failure) = &outcome {
        say(&serde_json::to_string(failure).unwrap_or_default());
    }
    outcome
}

async fn run(home: &Home, span: Duration) -> Outcome<()> {
    // The clock starts before anything else can take its time.
    let deadline = Deadline::after(span);
    leave_the_terminal()?;
    let mut scalar = Zeroizing::new([0; 32]);
    // Past the standard library's buffer, which would keep a copy until the process ends.
    unbuffered_input()
        .and_then(|mut input| input.read_exact(scalar.as_mut_slice()))
        .map_err(|_| Failure::usage("This command is started by `streembit unlock`, not by people."))?;
    let key = PrivateKey::from_scalar(scalar.as_slice())
        .map_err(|_| Failure::usage("This command is started by `streembit unlock`, not by people."))?;
    drop(scalar);
    let person = Person::new(home.clone(), key)?;
    serve(home, person, deadline, end_of_process()?, || say(READY)).await
}

fn unbuffered_input() -> std::io::Result<std::fs::File> {
    std::io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from)
}

/// Ends with the signals that end processes, in good order.
fn end_of_process() -> Outcome<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signal =
            signal(kind).map_err(|e| Failure::because(format!("Cannot wait for signals: {e}.")))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signal.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// A session of its own, so that closing the terminal does not end it; and no core dump, no debugger: it has the key.
fn leave_the_terminal() -> Outcome<()> {
    let cannot = |e: rustix::io::Errno| Failure::because(format!("Cannot protect the unlock process: {e}."));
    // It fails only for the leader of a process group, which has left its terminal already.
    let _ = rustix::process::setsid();
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(cannot)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(cannot)
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    // If the command that waits for it is gone, nobody needs to know.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
