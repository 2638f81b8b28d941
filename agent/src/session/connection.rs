//! One open session: a reader, a task for each request, a writer.
//!
//! The writer sends what is short as soon as it can. A value that is longer than a message goes out behind its answer, a chunk
//! with each batch, the long ones in turn: neither a picture nor a stream of short answers holds up the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use streembit_peer::message::{MAX_OUTSTANDING, Notification};
use streembit_peer::session::{Opener, Sealer};
use streembit_peer::wire::{self, FrameError, MAX_FRAME, WRITE_TIMEOUT};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::SessionEnded;
use super::limits::{Bucket, Limits};
use crate::command::{Answered, Caller, Following, Opened, Pipeline, Place};

/// What is read from the stream at once, and written to it: a dozen messages, so that a busy session makes few system calls.
const BATCH: usize = 16 * 1024;

pub(super) struct Connection<'a> {
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) limits: &'a Limits,
    pub(super) place: Place,
}

/// An answer on its way to the writer, with the place among the outstanding requests that it gives back.
struct Outgoing {
    answered: Answered,
    slot: Option<OwnedSemaphorePermit>,
}

impl Connection<'_> {
    pub(super) async fn run<S>(self, stream: S, sealer: Sealer, opener: Opener) -> Result<(), SessionEnded>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let caller = Arc::clone(self.place.caller());
        let (read_half, write_half) = tokio::io::split(stream);
        // Every outstanding request has room for its answer, so no request ever waits for the writer.
        let (answers, queue) = mpsc::channel(MAX_OUTSTANDING);
        let writer = Writer {
            pipeline: Arc::clone(self.pipeline),
            caller: Arc::clone(&caller),
            sealer,
            stream: write_half,
            batch: Vec::with_capacity(BATCH),
            following: VecDeque::new(),
        };
        let writer = caller.tasks().spawn(writer.run(queue));
        let read = tokio::select! {
            biased;
            () = caller.ended().cancelled() => Err(SessionEnded::Cut),
            () = caller.leaving().cancelled() => Ok(()),
            read = self.read(&caller, read_half, opener, answers.clone()) => read,
        };
        // What is under way is still answered where the other side left in order or was asked to leave.
        drop(answers);
        if read.is_err() {
            caller.ended().cancel();
        }
        let written = writer.await.unwrap_or(Err(SessionEnded::Cut));
        caller.ended().cancel();
        caller.tasks().close();
        read.and(written)
    }

    async fn read(
        &self,
        caller: &Arc<Caller>,
        stream: impl AsyncRead + Unpin,
        mut opener: Opener,
        answers: mpsc::Sender<Outgoing>,
    ) -> Result<(), SessionEnded> {
        let since = Instant::now();
        let slots = Arc::new(Semaphore::new(MAX_OUTSTANDING));
        let mut pace = Bucket::new(self.limits.requests, Duration::ZERO);
        let mut stream = BufReader::with_capacity(BATCH, stream);
        // A future that lives over many frames: an hour is not counted anew with each.
        let too_old = self.too_old(caller);
        tokio::pin!(too_old);
        loop {
            let frame = tokio::select! {
                frame = wire::read_frame(&mut stream, MAX_FRAME) => frame,
                () = &mut too_old => return Err(SessionEnded::TooOld),
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(FrameError::Closed) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            // Who is faster than allowed is read more slowly, which costs the device nothing.
            while let Err(wait) = pace.take(since.elapsed()) {
                tokio::time::sleep(wait).await;
            }
            let opened = Opened::next(&mut opener, &frame)?;
            match Arc::clone(&slots).try_acquire_owned() {
                Ok(slot) => {
                    let (pipeline, caller) = (Arc::clone(self.pipeline), Arc::clone(caller));
                    let answers = answers.clone();
                    self.place.caller().tasks().spawn(async move {
                        match pipeline.answer(&caller, opened).await {
                            // It fails only where the writer has ended, and the session with it.
                            Some(answered) => {
                                drop(answers.send(Outgoing { answered, slot: Some(slot) }).await)
                            }
                            None => caller.ended().cancel(),
                        }
                    });
                }
                Err(_) => {
                    let answered =
                        self.pipeline.refuse_as_busy(caller, &opened).ok_or(SessionEnded::Hostile)?;
                    let outgoing = Outgoing { answered, slot: None };
                    answers.send(outgoing).await.map_err(|_| SessionEnded::Stuck)?;
                }
            }
        }
    }
}

impl Connection<'_> {
    /// Returns when the session must end: a stranger must become a contact soon, and everybody renews keys once an hour.
    async fn too_old(&self, caller: &Caller) {
        let end = Instant::now() + self.limits.oldest;
        if caller.first_contact() {
            tokio::time::sleep(self.limits.stranger.min(self.limits.oldest)).await;
            if self.pipeline.device().rights().key_of(caller.contact()).is_none() {
                return;
            }
        }
        sleep_until(end).await;
    }
}

struct Writer<W> {
    pipeline: Arc<Pipeline>,
    caller: Arc<Caller>,
    sealer: Sealer,
    stream: W,
    /// Sealed frames that go out together.
    batch: Vec<u8>,
    /// Values that go out behind their answers, the next in turn first. Their room bounds them ([`LongAnswers`]).
    ///
    /// [`LongAnswers`]: crate::command::LongAnswers
    following: VecDeque<Following>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes until every sender of answers is gone or the session is cut.
    async fn run(mut self, mut answers: mpsc::Receiver<Outgoing>) -> Result<(), SessionEnded> {
        let caller = Arc::clone(&self.caller);
        let written = tokio::select! {
            biased;
            () = caller.ended().cancelled() => Err(SessionEnded::Cut),
            written = self.write_all(&mut answers) => written,
        };
        // Whatever still works for this session has nobody to answer to.
        caller.ended().cancel();
        written
    }

    async fn write_all(&mut self, answers: &mut mpsc::Receiver<Outgoing>) -> Result<(), SessionEnded> {
        let caller = Arc::clone(&self.caller);
        loop {
            if caller.leaving().is_cancelled() {
                // What is under way is still answered, but nobody waits for the rest of something long: it may be the very
                // rights to it that have ended.
                self.following.clear();
            }
            if self.following.is_empty() {
                tokio::select! {
                    outgoing = answers.recv() => match outgoing {
                        Some(outgoing) => self.answer(outgoing)?,
                        None => break,
                    },
                    news = caller.outbox().next() => self.tell(&news)?,
                }
            } else if let Some(news) = caller.outbox().take() {
                self.tell(&news)?;
            }
            // Everything that is ready goes out together.
            while self.batch.len() < BATCH
                && let Ok(outgoing) = answers.try_recv()
            {
                self.answer(outgoing)?;
                // One for one, so that answers which start actions do not outrun the ends of those.
                if let Some(news) = caller.outbox().take() {
                    self.tell(&news)?;
                }
            }
            self.follow()?;
            self.flush().await?;
        }
        // The last words: why subscriptions have ended.
        while let Some(news) = caller.outbox().take() {
            self.tell(&news)?;
            self.flush().await?;
        }
        // The other side may be gone already, and then there is nobody left to tell.
        let _ = timeout(WRITE_TIMEOUT, self.stream.shutdown()).await;
        Ok(())
    }

    fn answer(&mut self, Outgoing { answered, slot }: Outgoing) -> Result<(), SessionEnded> {
        let topic = answered.begins().cloned();
        self.put(answered)?;
        // Given back before the answer can be read: who waits for an answer may ask again at once.
        drop(slot);
        if let Some(topic) = topic {
            self.caller.outbox().activate(&topic);
        }
        Ok(())
    }

    fn tell(&mut self, news: &Notification) -> Result<(), SessionEnded> {
        match Answered::notification(self.pipeline.device(), &self.caller, news) {
            Some(told) => self.put(told),
            None => Ok(()),
        }
    }

    fn put(&mut self, answered: Answered) -> Result<(), SessionEnded> {
        let (sealed, follows) = answered.seal(&mut self.sealer)?;
        wire::append_frame(&mut self.batch, sealed.as_frame())?;
        self.following.extend(follows);
        Ok(())
    }

    /// One more chunk, of whichever long value has waited for the longest.
    fn follow(&mut self) -> Result<(), SessionEnded> {
        let Some(following) = self.following.pop_front() else { return Ok(()) };
        if let Some((sealed, left)) = following.seal_next(&mut self.sealer)? {
            wire::append_frame(&mut self.batch, sealed.as_frame())?;
            self.following.extend(left);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SessionEnded> {
        let written = async {
            self.stream.write_all(&self.batch).await?;
            self.stream.flush().await
        };
        timeout(WRITE_TIMEOUT, written).await.map_err(|_| SessionEnded::Stuck)?.map_err(FrameError::from)?;
        self.batch.clear();
        // One long answer must not cost its room for the rest of the session.
        self.batch.shrink_to(BATCH);
        Ok(())
    }
}
