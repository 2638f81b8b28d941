//! mDNS: finding peers on the local network, and being found. What it tells is the transport's peer id and addresses.
//!
//! The engine's own behaviour does the work. Two things about it are mended here. It never stops the tasks that it
//! spawns, so it lives on a small runtime of its own, which ends with it. And it keeps every peer that anybody on the
//! local network makes up, so it is started afresh when that list gets long.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::{ListenerId, PortUse};
use libp2p::core::util::unreachable;
use libp2p::swarm::behaviour::{ExpiredListenAddr, NewListenAddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId, mdns};
use tokio::runtime::Runtime;
use tokio::time::Sleep;

/// How many entries the engine may keep for each that we keep. It counts addresses that we drop, such as other programs'.
const SLACK: usize = 4;
/// How long mDNS stays silent after somebody has flooded it.
const PAUSE: Duration = Duration::from_secs(60);

/// mDNS on every interface that comes up.
pub(super) struct Neighbours {
    peer: PeerId,
    /// Beyond this many entries the engine's list is thrown away.
    most: usize,
    /// Nothing while it pauses.
    service: Option<Service>,
    pause: Option<Pin<Box<Sleep>>>,
    /// What a fresh service has to be told: bounded by our own interfaces.
    listening: HashMap<Multiaddr, ListenerId>,
}

struct Service {
    behaviour: mdns::tokio::Behaviour,
    /// Only empty while dropping.
    runtime: Option<Runtime>,
}

impl Neighbours {
    pub(super) fn new(peer: PeerId, most: usize) -> io::Result<Self> {
        Ok(Self {
            peer,
            most: most.saturating_mul(SLACK),
            service: Some(Service::start(peer)?),
            pause: None,
            listening: HashMap::new(),
        })
    }

    /// Ends a pause that is over.
    fn resume(&mut self, cx: &mut Context<'_>) {
        let over = self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(cx).is_ready());
        if !over {
            return;
        }
        match Service::start(self.peer) {
            Ok(mut service) => {
                for (addr, listener_id) in &self.listening {
                    let event = NewListenAddr { listener_id: *listener_id, addr };
                    service.behaviour.on_swarm_event(FromSwarm::NewListenAddr(event));
                }
                self.service = Some(service);
                self.pause = None;
            }
            Err(error) => {
                tracing::warn!(%error, "mDNS did not start again");
                self.rest();
            }
        }
    }

    fn rest(&mut self) {
        self.service = None;
        self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
    }
}

impl Service {
    fn start(peer: PeerId) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .thread_name("mdns")
            .enable_all()
            .build()?;
        let behaviour = {
            let _inside = runtime.enter();
            mdns::tokio::Behaviour::new(mdns::Config::default(), peer)?
        };
        Ok(Self { behaviour, runtime: Some(runtime) })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<mdns::Event, Infallible>> {
        // What it spawns, it spawns on its own runtime.
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        self.behaviour.poll(cx)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An ordinary drop would block, which a task must not.
            runtime.shutdown_background();
        }
    }
}

impl NetworkBehaviour for Neighbours {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = mdns::Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::NewListenAddr(NewListenAddr { listener_id, addr }) => {
                self.listening.insert(addr.clone(), listener_id);
            }
            FromSwarm::ExpiredListenAddr(ExpiredListenAddr { addr, .. }) => {
                self.listening.remove(addr);
            }
            _ => {}
        }
        if let Some(service) = &mut self.service {
            service.behaviour.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        unreachable(event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<mdns::Event, THandlerInEvent<Self>>> {
        self.resume(cx);
        let Some(service) = &mut self.service else { return Poll::Pending };
        if service.behaviour.discovered_nodes().len() > self.most {
            tracing::warn!("mDNS is flooded: silent for {} s", PAUSE.as_secs());
            self.rest();
            self.resume(cx);
            return Poll::Pending;
        }
        service.poll(cx)
    }
}
