//! How the writer does, for metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Up to the most jobs that one transaction takes.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Counted since the agent's start.
#[derive(Debug)]
pub(super) struct Counts {
    /// What one transaction did for those who wait.
    batches: Histogram,
    failed: Counter,
    waiting: Gauge,
}

impl Default for Counts {
    fn default() -> Self {
        Self { batches: Histogram::new(BATCHES), failed: Counter::default(), waiting: Gauge::default() }
    }
}

impl Counts {
    /// A job waits for the writer.
    pub(super) fn waits(&self) {
        self.waiting.inc();
    }

    /// A job waits no longer.
    pub(super) fn taken(&self) {
        self.waiting.dec();
    }

    /// A transaction of so many jobs is durable.
    pub(super) fn written(&self, jobs: usize) {
        // What lies aside goes to the disk without anybody who waits for it.
        if jobs > 0 {
            self.batches.observe(u32::try_from(jobs).unwrap_or(u32::MAX).into());
        }
    }

    /// A transaction failed.
    pub(super) fn failed(&self) {
        self.failed.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "journal_batch_jobs",
            "Jobs of one transaction of the journal",
            self.batches.clone(),
        );
        registry.register(
            "journal_transactions_failed",
            "Transactions of the journal that were not written",
            self.failed.clone(),
        );
        registry.register("journal_waiting", "Jobs that wait for the journal's writer", self.waiting.clone());
    }
}
