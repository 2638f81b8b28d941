//! A command's side of the unlock socket.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::{MAX_LINE, socket};
use crate::door::{Ask, News, Reply, Watch};
use crate::error::{Failure, Outcome};
use crate::home::Home;
use crate::person::Watching;

/// How long to wait for the process to have gone, once it was told to.
const GOING: Duration = Duration::from_secs(10);

/// The unlock process of a home, which was there a moment ago.
#[derive(Debug, Clone)]
pub struct Client {
    home: Home,
}

impl Client {
    /// Finds the process, if there is one.
    pub async fn find(home: &Home) -> Outcome<Option<Self>> {
        let found = socket::connect(home).map_err(|e| cannot(&e))?;
        Ok(found.map(|_| Self { home: home.clone() }))
    }

    /// Asks one question.
    pub async fn ask(&self, ask: &Ask) -> Outcome<Reply> {
        let mut lines = self.send(ask).await?;
        match lines.next().await {
            Some(Ok(Reply::Failure(failure))) => Err(failure),
            Some(reply) => reply,
            None => Err(gone(ask)),
        }
    }

    /// Watches until the value is dropped.
    pub async fn watch(&self, watch: Watch) -> Outcome<Watching> {
        let ask = Ask::Watch(watch);
        let mut lines = self.send(&ask).await?;
        let (news, watching) = mpsc::channel(Watching::WAITING);
        let reading = tokio::spawn(async move {
            while let Some(reply) = lines.next().await {
                let item: Outcome<News> = match reply {
                    Ok(Reply::News(item)) => Ok(item),
                    Ok(Reply::Failure(failure)) | Err(failure) => Err(failure),
                    Ok(_) => {
                        Err(Failure::because("The unlock process answered something else than was asked."))
                    }
                };
                let last = item.is_err() || matches!(item, Ok(News::Ended { .. }));
                if news.send(item).await.is_err() || last {
                    return;
                }
            }
            let _ = news.send(Err(Failure::because("The account was locked meanwhile."))).await;
        });
        Ok(Watching::new(watching, reading))
    }

    /// Tells the process to forget the key and end, and waits until it has.
    pub async fn lock(&self) -> Outcome<()> {
        match self.ask(&Ask::Lock).await {
            Ok(_) => {}
            // It was ending anyway.
            Err(_) if Self::find(&self.home).await?.is_none() => return Ok(()),
            Err(failure) => return Err(failure),
        }
        let waiting = async {
            while !matches!(socket::take(&self.home), Ok(Some(_))) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(GOING, waiting)
            .await
            .map_err(|_| Failure::timed_out("The unlock process was told to end and has not."))
    }

    async fn send(&self, ask: &Ask) -> Outcome<Lines> {
        let Some(stream) = socket::connect(&self.home).map_err(|e| cannot(&e))? else {
            return Err(Failure::because("The account was locked meanwhile.").or("Run the command again."));
        };
        let connected = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
        let mut stream = connected.map_err(|e| cannot(&e))?;
        // The other side must be this user's: a stranger's socket would see what is asked.
        let uid = rustix::process::getuid().as_raw();
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == uid) {
            return Err(Failure::because("The unlock socket belongs to another user.")
                .or(format!("Look at who can write to {}.", self.home.folder().display())));
        }
        let mut line = serde_json::to_vec(ask).map_err(|e| Failure::because(format!("Cannot ask: {e}.")))?;
        line.push(b'\n');
        if line.len() > MAX_LINE {
            return Err(Failure::invalid(
                "The value is longer than 64 KiB, which is what a message may carry.",
            ));
        }
        stream.write_all(&line).await.map_err(|e| cannot(&e))?;
        Ok(Lines(BufReader::new(stream)))
    }
}

/// The replies.
struct Lines(BufReader<UnixStream>);

impl Lines {
    async fn next(&mut self) -> Option<Outcome<Reply>> {
        let mut line = Vec::new();
        // The other end is our own program: its lines are bounded where they are made.
        match self.0.read_until(b'\n', &mut line).await {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_slice(&line).map_err(|_| {
                Failure::because("The unlock process was started by another version of this program.")
                    .or("`streembit lock`, then `streembit unlock` again.")
            })),
            Err(e) => Some(Err(cannot(&e))),
        }
    }
}

/// The process went away without an answer: what it was asked to change may have changed.
fn gone(ask: &Ask) -> Failure {
    match ask {
        Ask::Call(call) if call.op.changes_the_world() => {
            Failure::outcome_unknown("The account was locked before the answer came: it may have happened.")
        }
        _ => Failure::because("The account was locked meanwhile.").or("Run the command again."),
    }
}

fn cannot(error: &std::io::Error) -> Failure {
    Failure::because(format!("Cannot talk to the unlock process: {error}."))
}
