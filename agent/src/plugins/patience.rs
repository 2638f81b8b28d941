//! How long a host is waited for.
//!
//! A host that does its work may keep one waiting because of others, and says something meanwhile. One that was taken over
//! can go on talking for ever, so what is heard of it prolongs a wait, and not without end.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

/// How many times a host's patience a step of a start may take. An instance is made and then its `init` called, each within
/// its deadline; the third is for a loaded machine. With the longest deadline that a manifest may have, this is still less
/// than what systemd waits for the agent.
const TURNS: u32 = 3;

/// What was heard of a host, by number.
#[derive(Debug, Default)]
pub(super) struct Heard(AtomicU64);

/// Why a host is ended that keeps one waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Impatience {
    /// It is stuck outside of any plugin.
    #[error("it said nothing for too long")]
    Silent,
    /// It talks, and not of what it was asked for.
    #[error("it did not answer, whatever else it said")]
    Evasive,
}

impl Heard {
    /// One more message.
    pub(super) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for as long as something is heard. Only for who has a bound of his own, as a command does.
    pub(super) async fn while_heard<T>(
        &self,
        patience: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, Impatience> {
        let mut step = pin!(step);
        loop {
            let before = self.0.load(Ordering::Relaxed);
            match timeout(patience, &mut step).await {
                Ok(done) => return Ok(done),
                Err(_) if self.0.load(Ordering::Relaxed) != before => {}
                Err(_) => return Err(Impatience::Silent),
            }
        }
    }

    /// Waits for one step of a start: for as long as something is heard, and not for ever.
    pub(super) async fn in_turns<T>(
        &self,
        patience: Duration,
        step: impl Future<Output = T>,
    ) -> Result<T, Impatience> {
        timeout(patience * TURNS, self.while_heard(patience, step)).await.unwrap_or(Err(Impatience::Evasive))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    use super::*;

    /// A turn takes this long, however long the machine takes: nothing here depends on it.
    const PATIENCE: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn one_that_talks_and_does_not_answer_is_not_waited_for_for_ever() {
        let heard = Heard::default();
        let talk = poll_fn(|_| {
            heard.one();
            Poll::<()>::Pending
        });
        assert_eq!(heard.in_turns(PATIENCE, talk).await, Err(Impatience::Evasive));
    }

    #[tokio::test]
    async fn one_that_talks_has_more_time_to_answer_than_one_that_says_nothing() {
        let heard = Heard::default();
        // It is looked at when a turn begins and when it ends.
        let mut looks = 0;
        let late = poll_fn(|_| {
            heard.one();
            looks += 1;
            if looks > 2 { Poll::Ready("done") } else { Poll::Pending }
        });
        assert_eq!(heard.in_turns(PATIENCE, late).await, Ok("done"));
        assert_eq!(heard.in_turns(PATIENCE, pending::<()>()).await, Err(Impatience::Silent));
    }
}
