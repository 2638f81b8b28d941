//! The yardstick for the network: 64 bytes there and back on one stream, without a session.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::network::{Address, Incoming, Limits, Network, NetworkConfig, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::figures::Figures;
use crate::load::{self, Requester};
use crate::processes::Running;

/// What a small message of such protocols has.
const LENGTH: usize = 64;

/// The other process: prints its address and echoes until it is stopped.
pub(crate) fn echo() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (network, mut incoming) = network(&["/ip4/127.0.0.1/tcp/0"]).await?;
        let address = network.addresses().into_iter().next().context("no address")?;
        let mut out = std::io::stdout();
        writeln!(out, "{address}")?;
        out.flush()?;
        while let Some((_, stream)) = incoming.next().await {
            tokio::spawn(answer(stream));
        }
        Ok(())
    })
}

/// Answers all that came at once with one write, as a session does.
async fn answer(mut stream: Stream) -> Result<()> {
    let mut buffer = [0; LENGTH * 64];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
        stream.flush().await?;
    }
}

async fn network(listen: &[&str]) -> Result<(Network, Incoming)> {
    let listen = listen.iter().map(|address| address.parse()).collect::<Result<_, _>>()?;
    let transport_key = PrivateKey::generate(&mut rng::system());
    let config = NetworkConfig { transport_key, listen, mdns: false, limits: Limits::default() };
    Ok(Network::start(config).await?)
}

/// One at a time, and 64.
pub(crate) async fn measure(figures: &mut Figures, span: Duration) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut other = Running::start(command.arg("echo"), Stdio::piped())?;
    let address = address(&mut other)?;
    let (person, _none) = network(&[]).await?;
    for outstanding in [1, 64] {
        let (read, write) = tokio::io::split(person.dial(std::slice::from_ref(&address)).await?);
        let requests = Requests::new(read, write);
        load::keep(outstanding, span / 5, || requests.clone()).await?;
        let before = other.cpu()?;
        let outcome = load::keep(outstanding, span, || requests.clone()).await?;
        outcome.note(figures, &format!("raw.{outstanding}"), other.cpu()?.saturating_sub(before));
    }
    Ok(())
}

fn address(other: &mut Running) -> Result<Address> {
    let pipe = other.child().stdout.as_mut().context("no pipe")?;
    let mut line = Vec::new();
    let mut byte = [0];
    while pipe.read(&mut byte)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    Ok(String::from_utf8(line)?.parse()?)
}

/// Requests on one stream, answered in their order.
#[derive(Clone)]
struct Requests {
    waiting: mpsc::UnboundedSender<oneshot::Sender<()>>,
    write: Arc<Mutex<WriteHalf<Stream>>>,
}

impl Requests {
    fn new(read: ReadHalf<Stream>, write: WriteHalf<Stream>) -> Self {
        // At most one for each loop of the load.
        let (waiting, mut queue) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        tokio::spawn(async move {
            let mut read = BufReader::with_capacity(16 * 1024, read);
            let mut answer = [0; LENGTH];
            while let Some(asked) = queue.recv().await {
                if read.read_exact(&mut answer).await.is_err() {
                    return;
                }
                let _ = asked.send(());
            }
        });
        Self { waiting, write: Arc::new(Mutex::new(write)) }
    }
}

impl Requester for Requests {
    async fn once(&mut self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        {
            let mut write = self.write.lock().await;
            self.waiting.send(reply)?;
            write.write_all(&[7; LENGTH]).await?;
            write.flush().await?;
        }
        Ok(answer.await?)
    }
}
