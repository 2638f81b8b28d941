//! The race of addresses (after RFC 8305, "Happy Eyeballs"): one after another, but without waiting for the slow.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::driver::{self, Way};
use super::{Address, Attempt, DialError, Failure, Limits, PeerName, Stream};

/// How long an address may be silent before the next one is tried too: RFC 8305's least. A handshake takes 2 to 6 ms on
/// a LAN; far away the extra attempt costs a handshake and saves waiting for hints that lead nowhere from here.
const HEAD_START: Duration = Duration::from_millis(100);

/// Something to try: the connection that is there, or an address.
#[derive(Debug, Clone)]
struct Candidate {
    peer: PeerId,
    address: Option<Address>,
}

type Outcome = Result<Stream, Option<Failure>>;

/// Gets one stream by whichever address is first to give one.
pub(super) async fn race(
    commands: &mpsc::Sender<driver::Attempt>,
    addresses: &[Address],
    limits: &Limits,
) -> Result<Stream, DialError> {
    let most = limits.addresses_a_dial;
    if addresses.is_empty() {
        return Err(DialError::NoAddress);
    }
    if addresses.len() > most {
        return Err(DialError::TooManyAddresses { given: addresses.len(), most });
    }
    let mut waiting = in_order(addresses);
    let mut running = FuturesUnordered::new();
    let mut silent: Vec<Address> = Vec::new();
    let mut tried: Vec<Attempt> = Vec::new();
    let mut refused: Option<PeerName> = None;
    let deadline = Instant::now() + limits.dial;
    let mut next = Instant::now();
    while !(waiting.is_empty() && running.is_empty()) {
        tokio::select! {
            biased;
            Some((candidate, outcome)) = running.next() => {
                let candidate: Candidate = candidate;
                let failure = match outcome {
                    Ok(stream) => return Ok(stream),
                    Err(Some(failure)) => failure,
                    Err(None) if commands.is_closed() => return Err(DialError::Closed),
                    Err(None) => Failure::Lost,
                };
                if failure == Failure::Refused {
                    refused = Some(PeerName::new(candidate.peer));
                    // It has answered for all its addresses.
                    waiting.retain(|other| other.peer != candidate.peer);
                }
                if let Some(address) = candidate.address {
                    silent.retain(|other| *other != address);
                    tried.push(Attempt { address, failure });
                }
                next = Instant::now();
            }
            () = sleep_until(deadline) => {
                let unheard = silent.into_iter().chain(waiting.into_iter().filter_map(|left| left.address));
                tried.extend(unheard.map(|address| Attempt { address, failure: Failure::Silent }));
                return Err(DialError::TimedOut { tried, after: limits.dial });
            }
            () = sleep_until(next), if !waiting.is_empty() => {
                if let Some(candidate) = waiting.pop_front() {
                    silent.extend(candidate.address.clone());
                    running.push(attempt(commands.clone(), candidate));
                }
                next = Instant::now() + HEAD_START;
            }
        }
    }
    match refused {
        Some(peer) => Err(DialError::Refused { peer }),
        None if tried.iter().any(|attempt| attempt.failure == Failure::Silent) => {
            Err(DialError::TimedOut { tried, after: limits.handshake })
        }
        None => Err(DialError::Unreachable { tried }),
    }
}

/// Connections that are there first, then TCP, then QUIC; else as the caller gave them.
fn in_order(addresses: &[Address]) -> VecDeque<Candidate> {
    let mut candidates = VecDeque::new();
    let mut sorted: Vec<&Address> = Vec::new();
    for address in addresses {
        if !sorted.contains(&address) {
            sorted.push(address);
        }
    }
    for address in &sorted {
        let peer = address.peer_id();
        if !candidates.iter().any(|known: &Candidate| known.peer == peer) {
            candidates.push_back(Candidate { peer, address: None });
        }
    }
    sorted.sort_by_key(|address| address.transport());
    let dials = sorted.into_iter().cloned();
    candidates.extend(dials.map(|address| Candidate { peer: address.peer_id(), address: Some(address) }));
    candidates
}

/// One attempt. Dropping the future gives it up: the driver closes a connection that comes too late.
async fn attempt(commands: mpsc::Sender<driver::Attempt>, candidate: Candidate) -> (Candidate, Outcome) {
    let (reply, answer) = oneshot::channel();
    let way = match &candidate.address {
        Some(address) => Way::Dial(address.route().clone()),
        None => Way::Connection,
    };
    let order = driver::Attempt { peer: candidate.peer, way, reply };
    let outcome = match commands.send(order).await {
        Ok(()) => answer.await.map_or(Err(None), |outcome| outcome.map_err(Some)),
        Err(_) => Err(None),
    };
    (candidate, outcome)
}
