//! Reads what the device sends and gives it to whoever waits for it.

use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;
use tokio::time::timeout_at;

use super::subscription::Taken;
use super::{Closed, Shared, Waiting};
use crate::message::{Farewell, FromDevice, LongError, Response};
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
            Ok(FromDevice::Farewell(Farewell::NoRoom)) if received == 1 => return Closed::NoRoom,
            Ok(message) => hand_out(message, shared),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = handled {
            return Closed::Protocol(error);
        }
    }
}

fn hand_out(message: FromDevice<'_>, shared: &Shared) -> Result<(), String> {
    let mut waiting = shared.waiting();
    match message {
        FromDevice::Response(response) if waiting.long.is_under_way(&response.re) => {
            return Err(LongError::AnsweredTwice.to_string());
        }
        FromDevice::Response(response) => waiting.answer(response),
        FromDevice::Announcement(announcement) => {
            let wanted = waiting.answers.contains_key(&announcement.re);
            waiting.long.begin(announcement, wanted).map_err(|error| error.to_string())?;
        }
        FromDevice::Chunk(chunk) => {
            if let Some(whole) = waiting.long.take(&chunk).map_err(|error| error.to_string())? {
                // Hashing and parsing take milliseconds, for which nobody who sends or gives up must wait.
                drop(waiting);
                let response = whole.check().map_err(|error| error.to_string())?;
                shared.waiting().answer(response);
            }
        }
        // A device that has answered has taken the session up.
        FromDevice::Farewell(_) => return Err("a farewell in the middle of the session".to_owned()),
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

impl Waiting {
    /// Nobody waits for it where its caller has given up: that is no fault of the device.
    fn answer(&mut self, response: Response) {
        if let Some(answer) = self.answers.remove(&response.re) {
            let _ = answer.send(response);
        }
    }
}
