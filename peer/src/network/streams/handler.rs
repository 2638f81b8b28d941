//! Our protocol on one connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::core::util::unreachable;
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol};

use super::upgrade::{Admit, Ask};
use super::{Open, Reply, Visitor};
use crate::network::stream::End;
use crate::network::{Failure, PeerName, Stream};

/// Opens streams on request and hands over those that were taken.
pub(in crate::network) struct Handler {
    visitor: Visitor,
    /// Bounded by the driver: each is one caller of [`crate::network::Network::dial`].
    requests: VecDeque<Reply>,
}

impl Handler {
    pub(super) fn new(visitor: Visitor) -> Self {
        Self { visitor, requests: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Infallible;
    type InboundProtocol = Admit;
    type OutboundProtocol = Ask;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Admit> {
        SubstreamProtocol::new(Admit(self.visitor.clone()), ())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Ask, Reply, Infallible>> {
        while let Some(reply) = self.requests.pop_front() {
            if !reply.is_closed() {
                let protocol = SubstreamProtocol::new(Ask, reply);
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
        }
        self.visitor.waker.register(cx.waker());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, Open(reply): Open) {
        self.requests.push_back(reply);
        self.visitor.waker.wake();
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Admit, Ask, (), Reply>) {
        match event {
            // Without a stream in it, the upgrade has refused one.
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: Some(admitted),
                ..
            }) => {
                admitted.slot.send(admitted.stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                let remote = PeerName::new(self.visitor.peer);
                let (source, end) = (self.visitor.source.clone(), End(self.visitor.waker.clone()));
                let opened = protocol.map(|stream| Stream::new(stream, remote, source, Vec::new(), end));
                // A caller that gave up has dropped its end; the stream closes with it.
                let _ = info.send(opened.ok_or(Failure::Refused));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let failure = match error {
                    StreamUpgradeError::Timeout => Failure::Silent,
                    StreamUpgradeError::NegotiationFailed => Failure::Refused,
                    // Closed instead of answered: over the engine's own limit of streams.
                    StreamUpgradeError::Apply(_) | StreamUpgradeError::Io(_) => Failure::Lost,
                };
                let _ = info.send(Err(failure));
            }
            ConnectionEvent::ListenUpgradeError(error) => {
                tracing::debug!(peer = %self.visitor.peer, error = %error.error, "a stream was lost while it was opened");
            }
            _ => {}
        }
    }
}

/// The behaviour hears nothing from its handlers.
pub(super) fn nothing(event: Infallible) {
    unreachable(event)
}
