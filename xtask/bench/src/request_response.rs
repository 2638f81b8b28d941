//! The yardstick for the network: libp2p's own request-response protocol, 64 bytes there and back, without a session.
//!
//! As its users have it: TCP with Noise and yamux, and a stream for each request.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use libp2p::identity::{Keypair, ecdsa};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use libp2p_request_response::{Behaviour, Codec, Config, Event, Message, ProtocolSupport};
use tokio::sync::{mpsc, oneshot};

use crate::figures::Figures;
use crate::load::{self, Requester};
use crate::processes::Running;

/// What a small message of such protocols has.
const LENGTH: usize = 64;

type Bytes = [u8; LENGTH];

/// The other process: prints its address and echoes until it is stopped.
pub(crate) fn echo() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut swarm = swarm()?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let peer = *swarm.local_peer_id();
        while let Some(event) = swarm.next().await {
            match event {
                SwarmEvent::NewListenAddr { address, .. } => {
                    let mut out = io::stdout();
                    writeln!(out, "{address}/p2p/{peer}")?;
                    out.flush()?;
                }
                SwarmEvent::Behaviour(Event::Message {
                    message: Message::Request { request, channel, .. },
                    ..
                }) => {
                    // Whoever is gone misses nothing.
                    let _ = swarm.behaviour_mut().send_response(channel, request);
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// One at a time, and 64.
pub(crate) async fn measure(figures: &mut Figures, span: Duration) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut other = Running::start(command.arg("echo"), Stdio::piped())?;
    let (peer, address) = address(&mut other)?;
    let mut swarm = swarm()?;
    swarm.dial(address)?;
    let (requests, asked) = mpsc::unbounded_channel();
    let driver = tokio::spawn(drive(swarm, peer, asked));
    for outstanding in [1, 64] {
        load::keep(outstanding, span / 5, || Requests(requests.clone())).await?;
        let before = other.cpu()?;
        let outcome = load::keep(outstanding, span, || Requests(requests.clone())).await?;
        outcome.note(figures, &format!("libp2p.{outstanding}"), other.cpu()?.saturating_sub(before));
    }
    driver.abort();
    Ok(())
}

fn swarm() -> Result<Swarm<Behaviour<Echo>>> {
    let key = Keypair::from(ecdsa::Keypair::generate());
    let protocol = [(StreamProtocol::new("/echo/1"), ProtocolSupport::Full)];
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| Behaviour::with_codec(Echo, protocol, Config::default()))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build();
    Ok(swarm)
}

fn address(other: &mut Running) -> Result<(PeerId, Multiaddr)> {
    let pipe = other.child().stdout.as_mut().context("no pipe")?;
    let mut line = Vec::new();
    let mut byte = [0];
    while pipe.read(&mut byte)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    let address: Multiaddr = String::from_utf8(line)?.parse()?;
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Ok((peer, address)),
        _ => anyhow::bail!("no peer in {address}"),
    }
}

type Asked = oneshot::Sender<()>;

/// Sends what is asked for, and tells of each answer. A request that fails is dropped, and so its loop ends.
async fn drive(mut swarm: Swarm<Behaviour<Echo>>, peer: PeerId, mut asked: mpsc::UnboundedReceiver<Asked>) {
    let mut waiting = HashMap::new();
    loop {
        tokio::select! {
            next = asked.recv() => {
                let Some(reply) = next else { return };
                let id = swarm.behaviour_mut().send_request(&peer, [7; LENGTH]);
                waiting.insert(id, reply);
            }
            event = swarm.select_next_some() => match event {
                SwarmEvent::Behaviour(Event::Message { message: Message::Response { request_id, .. }, .. }) => {
                    if let Some(reply) = waiting.remove(&request_id) {
                        let _ = reply.send(());
                    }
                }
                SwarmEvent::Behaviour(Event::OutboundFailure { request_id, .. }) => {
                    waiting.remove(&request_id);
                }
                _ => {}
            }
        }
    }
}

struct Requests(mpsc::UnboundedSender<Asked>);

impl Requester for Requests {
    async fn once(&mut self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply)?;
        answer.await.context("libp2p did not answer")
    }
}

/// So many bytes, and nothing else.
#[derive(Clone)]
struct Echo;

impl Codec for Echo {
    type Protocol = StreamProtocol;
    type Request = Bytes;
    type Response = Bytes;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Bytes) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Bytes) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&response).await
    }
}

async fn read(io: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<Bytes> {
    let mut bytes = [0; LENGTH];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}
