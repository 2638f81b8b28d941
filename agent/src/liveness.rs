//! Whether the long-lived parts of the device still make progress.
//!
//! A part that waits for work in a loop holds a [`Beat`] and lets it be asked in that very loop; whoever wants to know asks
//! its [`Pulse`]. An answer means that the part came round to its next piece of work: not that its thread exists. Nobody
//! asks by himself, so an idle device spends nothing on it; the program asks for systemd's watchdog.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The asking end.
#[derive(Debug, Clone)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

/// The answering end, in the part's own loop.
#[derive(Debug)]
pub struct Beat(mpsc::Receiver<oneshot::Sender<()>>);

/// Both ends for one part.
pub fn pulse() -> (Pulse, Beat) {
    // One question at a time: the next one waits for its place.
    let (asks, asked) = mpsc::channel(1);
    (Pulse(asks), Beat(asked))
}

impl Pulse {
    /// Whether the part comes round to answering. Never resolves for one that is stuck; `false` for one that has ended.
    pub async fn answers(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.is_ok() && answered.await.is_ok()
    }
}

impl Beat {
    /// Answers whoever asks, for as long as this is waited for: one branch of the part's `select!`.
    pub async fn answer(&mut self) -> Infallible {
        while let Some(asked) = self.0.recv().await {
            let _ = asked.send(());
        }
        // Nobody will ask any more, which is no reason to end.
        std::future::pending().await
    }

    /// Answers during a step that may take longer than a part may be silent, and that has a bound of its own.
    pub async fn during<T>(&mut self, step: impl Future<Output = T>) -> T {
        tokio::select! {
            done = step => done,
            never = self.answer() => match never {},
        }
    }
}

/// A part that can be asked.
pub struct Part {
    name: String,
    answers: Pin<Box<dyn Future<Output = bool> + Send>>,
    /// It was told to end: then it need not answer.
    over: Option<CancellationToken>,
}

impl Part {
    /// A part that says `true` when it came round.
    pub fn new(
        name: impl Into<String>,
        answers: impl Future<Output = bool> + Send + 'static,
        over: Option<CancellationToken>,
    ) -> Self {
        Self { name: name.into(), answers: Box::pin(answers), over }
    }

    /// A part that is asked by its pulse.
    pub fn of_pulse(name: impl Into<String>, pulse: Pulse, over: Option<CancellationToken>) -> Self {
        Self::new(name, async move { pulse.answers().await }, over)
    }

    /// What it does.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name, where it should answer within `patience` and did not.
    async fn why_stuck(self, patience: Duration) -> Option<String> {
        let answered = tokio::time::timeout(patience, self.answers).await.unwrap_or(false);
        let is_over = self.over.is_some_and(|over| over.is_cancelled());
        (!answered && !is_over).then_some(self.name)
    }
}

/// Asks all parts at once, and returns the names of those that did not answer within `patience`.
pub async fn stuck(parts: Vec<Part>, patience: Duration) -> Vec<String> {
    let asked = parts.into_iter().map(|part| part.why_stuck(patience));
    join_all(asked).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a task to answer on a busy machine, where it must.
    const LONG: Duration = Duration::from_secs(30);
    /// What a part that never answers is waited for.
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_part_that_comes_round_answers_and_one_that_is_stuck_does_not() {
        let (healthy, mut beat) = pulse();
        tokio::spawn(async move { beat.answer().await });
        let (stuck_pulse, beat) = pulse();
        let (dead, gone) = pulse();
        drop(gone);
        let parts = || {
            vec![
                Part::of_pulse("healthy", healthy.clone(), None),
                Part::of_pulse("stuck", stuck_pulse.clone(), None),
                Part::of_pulse("dead", dead.clone(), None),
            ]
        };
        assert_eq!(stuck(parts(), SHORT).await, ["stuck", "dead"]);
        // It comes round after all: what was asked in vain does not keep it from answering now.
        let mut beat = beat;
        tokio::spawn(async move { beat.answer().await });
        assert_eq!(stuck(parts(), LONG).await, ["dead"]);
    }

    #[tokio::test]
    async fn a_part_that_was_told_to_end_need_not_answer() {
        let (dead, gone) = pulse();
        drop(gone);
        let over = CancellationToken::new();
        over.cancel();
        assert!(stuck(vec![Part::of_pulse("over", dead, Some(over))], LONG).await.is_empty());
    }

    #[tokio::test]
    async fn a_long_step_answers_meanwhile() {
        let (pulse, mut beat) = pulse();
        let (finish, finished) = oneshot::channel::<()>();
        let step = tokio::spawn(async move { beat.during(finished).await });
        assert!(stuck(vec![Part::of_pulse("step", pulse, None)], LONG).await.is_empty());
        finish.send(()).unwrap();
        step.await.unwrap().unwrap();
    }
}
