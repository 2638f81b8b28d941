//! Reads what the device sends and gives it to whoever waits for it.

use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;
use tokio::time::timeout_at;

use super::subscription::Taken;
use super::{Closed, Shared};
use crate::message::FromDevice;
use crate::session::{ChannelError, Opener, RENEW_AFTER};
use crate::wire::{self, FrameError, MAX_FRAME};

/// Reads until the session is over, and says why it is.
pub(super) async fn run(mut stream: impl AsyncRead + Unpin, mut opener: Opener, shared: &Shared) -> Closed {
    let end = shared.since + RENEW_AFTER;
    let mut received = 0;
    loop {
        let frame = match timeout_at(end, wire::read_frame(&mut stream, MAX_FRAME)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(FrameError::Closed)) => return Closed::ByDevice,
            Ok(Err(error)) => return Closed::Failed(error.to_string()),
            Err(_) => return Closed::UsedUp,
        };
        let plaintext = match opener.open(&frame) {
            Ok(plaintext) => plaintext,
            Err(ChannelError::UsedUp) => return Closed::UsedUp,
            Err(error) => return Closed::Protocol(error.to_string()),
        };
        received += 1;
        shared.carried.fetch_max(received, Ordering::Relaxed);
        let handled = match FromDevice::authenticate(&plaintext, &shared.peers) {
            Ok(message) => hand_out(message, shared),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = handled {
            return Closed::Protocol(error);
        }
    }
}

fn hand_out(message: FromDevice, shared: &Shared) -> Result<(), String> {
    let mut waiting = shared.waiting();
    match message {
        FromDevice::Response(response) => {
            // Nobody waits for it where its caller has given up: that is no fault of the device.
            if let Some(answer) = waiting.answers.remove(&response.re) {
                let _ = answer.send(response);
            }
        }
        FromDevice::Notification(notification) => {
            let subscription = notification.sub;
            if let Some(feed) = waiting.subscriptions.get_mut(&subscription) {
                match feed.take(notification)? {
                    Taken::MoreMayCome => {}
                    Taken::Last => {
                        waiting.subscriptions.remove(&subscription);
                    }
                }
            }
        }
    }
    Ok(())
}
