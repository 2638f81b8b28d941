//! The one byte that says whether a stream is taken.

use std::future::Future;
use std::io;
use std::iter;
use std::pin::Pin;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use tokio::sync::mpsc::OwnedPermit;

use super::{PROTOCOL, Visitor};
use crate::network::stream::End;
use crate::network::{PeerName, Stream};

const TAKEN: u8 = 1;
const REFUSED: u8 = 0;

/// The listener's side.
pub(in crate::network) struct Admit(pub(super) Visitor);

/// The caller's side.
pub(in crate::network) struct Ask;

/// A stream that was taken, and its place in the queue.
pub(in crate::network) struct Admitted {
    pub(super) stream: Stream,
    pub(super) slot: OwnedPermit<Stream>,
}

type Answer<T> = Pin<Box<dyn Future<Output = io::Result<Option<T>>> + Send>>;

impl UpgradeInfo for Admit {
    type Info = StreamProtocol;
    type InfoIter = iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once(PROTOCOL)
    }
}

impl UpgradeInfo for Ask {
    type Info = StreamProtocol;
    type InfoIter = iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once(PROTOCOL)
    }
}

impl InboundUpgrade<libp2p::Stream> for Admit {
    /// Nothing where the stream was refused.
    type Output = Option<Admitted>;
    type Error = io::Error;
    type Future = Answer<Admitted>;

    fn upgrade_inbound(self, mut stream: libp2p::Stream, _: Self::Info) -> Self::Future {
        // All three places are taken here, before the answer, so that "taken" is always kept.
        let Visitor { peer, source, door, places, waker } = self.0;
        let slot = door.arrivals.try_reserve_owned().ok();
        let held = places.try_acquire_owned().ok().zip(door.places.try_acquire_owned().ok());
        Box::pin(async move {
            let Some((slot, (of_the_peer, of_all))) = slot.zip(held) else {
                stream.write_all(&[REFUSED]).await?;
                stream.close().await?;
                return Ok(None);
            };
            stream.write_all(&[TAKEN]).await?;
            stream.flush().await?;
            let places = vec![of_the_peer, of_all];
            let stream = Stream::new(stream, PeerName::new(peer), source, places, End(waker));
            Ok(Some(Admitted { stream, slot }))
        })
    }
}

impl OutboundUpgrade<libp2p::Stream> for Ask {
    /// Nothing where the other side refused.
    type Output = Option<libp2p::Stream>;
    type Error = io::Error;
    type Future = Answer<libp2p::Stream>;

    fn upgrade_outbound(self, mut stream: libp2p::Stream, _: Self::Info) -> Self::Future {
        Box::pin(async move {
            let mut answer = [REFUSED];
            stream.read_exact(&mut answer).await?;
            Ok((answer == [TAKEN]).then_some(stream))
        })
    }
}
