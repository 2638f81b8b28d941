//! What the unlock process does while it lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{MAX_LINE, socket};
use crate::clock::Deadline;
use crate::door::{Ask, Reply, Standing};
use crate::error::{Exit, Failure, Outcome};
use crate::home::Home;
use crate::person::Person;

/// How often the clocks are looked at. The monotonic clock alone could be slept on; the wall clock cannot.
const TICK: Duration = Duration::from_millis(500);

/// As many commands may be under way at once: one person's scripts, not a server's load.
const CLIENTS: usize = 64;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves one home until the deadline, until `stop`, or until a client asks it to lock. `ready` is called once commands
/// can come. When this returns, nothing of it is left: the key is zeroised with the last handle to it.
pub async fn serve(
    home: &Home,
    person: Person,
    deadline: Deadline,
    stop: CancellationToken,
    ready: impl FnOnce(),
) -> Outcome<()> {
    let cannot = |e: std::io::Error| Failure::because(format!("Cannot make the unlock socket: {e}."));
    let Some((place, listener)) = socket::take(home).map_err(cannot)? else {
        return Err(Failure::because("Another process keeps this account unlocked already.")
            .or("`streembit lock` ends it."));
    };
    listener.set_nonblocking(true).map_err(cannot)?;
    let listener = UnixListener::from_std(listener).map_err(cannot)?;
    let desk =
        Arc::new(Desk { person, deadline, stop: stop.clone(), uid: rustix::process::getuid().as_raw() });
    let places = Arc::new(Semaphore::new(CLIENTS));
    let tasks = TaskTracker::new();
    let mut tick = tokio::time::interval(TICK);
    ready();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {
                if deadline.passed() || !place.is_there() {
                    break;
                }
            }
            accepted = listener.accept() => {
                // A client beyond the number is closed at once, and its command says so.
                if let (Ok((stream, _)), Ok(permit)) = (accepted, Arc::clone(&places).try_acquire_owned()) {
                    let desk = Arc::clone(&desk);
                    tasks.spawn(async move {
                        let stop = desk.stop.clone();
                        // Whoever is being served when the time is over gets no more of it.
                        stop.run_until_cancelled(desk.serve(stream)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    // 1. Nobody can come any more.
    drop(listener);
    drop(place);
    // 2. Whoever is there goes.
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    // 3. The connections close, and the key goes with its last handle.
    desk.person.close().await;
    Ok(())
}

/// What each client's task needs.
struct Desk {
    person: Person,
    deadline: Deadline,
    stop: CancellationToken,
    uid: u32,
}

impl Desk {
    async fn serve(&self, mut stream: UnixStream) {
        // The socket's mode says the same; two locks, since it is the key.
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == self.uid) {
            return;
        }
        let (reading, mut writing) = stream.split();
        let mut reading = BufReader::new(reading).take(MAX_LINE as u64);
        let mut line = Vec::new();
        match tokio::time::timeout(PATIENCE, reading.read_until(b'\n', &mut line)).await {
            Ok(Ok(length)) if length > 0 => {}
            _ => return,
        }
        let ask = match serde_json::from_slice::<Ask>(&line) {
            Ok(ask) => ask,
            Err(e) => {
                let why = format!("The unlock process does not understand this command: {e}.");
                let failure = Failure::because(why).or("`streembit lock`, then `streembit unlock` again.");
                send(&mut writing, &Reply::Failure(failure)).await;
                return;
            }
        };
        // What a client has typed into its line is not kept; and it may go away in the middle of an answer.
        drop(line);
        let gone = async {
            let mut rest = [0; 1];
            // A client says nothing more: whatever comes, or the end, means that it has gone.
            let _ = reading.get_mut().read(&mut rest).await;
        };
        tokio::select! {
            () = self.answer(ask, &mut writing) => {}
            () = gone => {}
        }
    }

    async fn answer(&self, ask: Ask, to: &mut (impl tokio::io::AsyncWrite + Unpin)) {
        if self.deadline.passed() {
            // Between two ticks: as locked as it will be in a moment.
            send(to, &Reply::Failure(Failure::new(Exit::Failure, "The account has just been locked."))).await;
            return;
        }
        match ask {
            Ask::Watch(watch) => {
                let mut watching = self.person.watch(watch);
                while let Some(news) = watching.next().await {
                    let reply = news.map_or_else(Reply::Failure, Reply::News);
                    if !send(to, &reply).await {
                        return;
                    }
                }
            }
            Ask::Status => {
                let until = self.deadline.wall().as_second();
                let connected = self.person.connected();
                send(to, &Reply::Standing(Standing { pid: std::process::id(), until, connected })).await;
            }
            Ask::Lock => {
                send(to, &Reply::Locked).await;
                self.stop.cancel();
            }
            other => {
                let reply = Box::pin(self.person.answer(other)).await.unwrap_or_else(Reply::Failure);
                send(to, &reply).await;
            }
        }
    }
}

async fn send(to: &mut (impl tokio::io::AsyncWrite + Unpin), reply: &Reply) -> bool {
    let Ok(mut line) = serde_json::to_vec(reply) else { return false };
    line.push(b'\n');
    to.write_all(&line).await.is_ok()
}
