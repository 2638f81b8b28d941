//! Keeping so many requests under way, for so long.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::figures::Figures;

/// What came of a load.
pub(crate) struct Outcome {
    /// How long each request took, shortest first.
    pub(crate) took: Vec<Duration>,
    /// How long all of them took together.
    pub(crate) span: Duration,
}

/// Runs `ask` in so many loops beside each other until `span` is over.
pub(crate) async fn keep<F>(outstanding: usize, span: Duration, ask: impl Fn() -> F) -> Result<Outcome>
where
    F: Requester + 'static,
{
    keep_at_most(usize::MAX, outstanding, span, ask).await
}

/// The same, for at most so many requests.
pub(crate) async fn keep_at_most<F>(
    most: usize,
    outstanding: usize,
    span: Duration,
    ask: impl Fn() -> F,
) -> Result<Outcome>
where
    F: Requester + 'static,
{
    let begun = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..outstanding {
        let mut ask = ask();
        loops.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < span && took.len() < most / outstanding {
                let asked = Instant::now();
                ask.once().await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(done) = loops.join_next().await {
        took.extend(done??);
    }
    let span = begun.elapsed();
    ensure!(!took.is_empty(), "no request was answered");
    took.sort_unstable();
    Ok(Outcome { took, span })
}

/// One requester: each loop has its own.
pub(crate) trait Requester: Send {
    /// One request, answered.
    fn once(&mut self) -> impl Future<Output = Result<()>> + Send;
}

impl Outcome {
    /// Notes how long one took, how many there were a second, and what each cost the other side.
    pub(crate) fn note(&self, figures: &mut Figures, name: &str, cpu: Duration) {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let at = |share: f64| self.took[((self.took.len() - 1) as f64 * share) as usize];
        let median = format!("{name}.median");
        match name {
            // The promise for one read at a time.
            "read.1" => figures.promise(median, micros(at(0.5)), "µs", 1_000.0),
            _ => figures.note(median, micros(at(0.5)), "µs"),
        }
        figures.note(format!("{name}.p99"), micros(at(0.99)), "µs");
        figures.note(format!("{name}.rate"), self.took.len() as f64 / self.span.as_secs_f64(), "1/s");
        figures.note(format!("{name}.cpu"), micros(cpu) / self.took.len() as f64, "µs");
    }
}
