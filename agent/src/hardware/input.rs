use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::lines::Held;
use super::{HardwareError, InputLine};

/// An open input.
pub struct Input {
    line: Box<dyn InputLine>,
    _held: Held,
}

/// Which edges are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// From inactive to active.
    Rising,
    /// From active to inactive.
    Falling,
    /// Both.
    Both,
}

/// A change of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The level after it.
    pub active: bool,
    /// When it happened, on the monotonic clock of the system.
    pub at: Duration,
    /// How many earlier edges were dropped because nobody took them.
    pub coalesced: u32,
}

/// The edges of a watched input. Dropping it ends the watch.
pub struct Edges {
    edges: mpsc::Receiver<Edge>,
    _watch: Box<dyn std::any::Any + Send>,
}

/// Edges that wait at most. A bouncing contact makes some tens; a slow plugin learns what it missed.
pub(super) const QUEUE: usize = 64;

impl Input {
    pub(super) fn new(line: Box<dyn InputLine>, held: Held) -> Self {
        Self { line, _held: held }
    }

    /// Whether it is active now.
    pub fn is_active(&self) -> Result<bool, HardwareError> {
        self.line.is_active()
    }

    /// Its edges from now on, once the level has held for `debounce`.
    pub fn watch(&self, kind: EdgeKind, debounce: Duration) -> Result<Edges, HardwareError> {
        self.line.watch(kind, debounce)
    }
}

impl EdgeKind {
    pub(super) fn wants(self, active: bool) -> bool {
        match self {
            Self::Rising => active,
            Self::Falling => !active,
            Self::Both => true,
        }
    }
}

impl Edges {
    pub(super) fn new(edges: mpsc::Receiver<Edge>, watch: impl std::any::Any + Send) -> Self {
        Self { edges, _watch: Box::new(watch) }
    }

    /// The next edge; `None` when the line is gone.
    pub async fn next(&mut self) -> Option<Edge> {
        self.edges.recv().await
    }
}

/// Sends an edge on, or counts it where the queue is full.
pub(super) fn offer(edges: &mpsc::Sender<Edge>, missed: &mut u32, active: bool, at: Duration) {
    match edges.try_send(Edge { active, at, coalesced: *missed }) {
        Ok(()) => *missed = 0,
        Err(_) => *missed = missed.saturating_add(1),
    }
}

/// Turns raw levels into edges that have held for `debounce`. For back ends whose kernel does not do it.
pub(super) async fn debounce(
    mut raw: mpsc::Receiver<(bool, Duration)>,
    edges: mpsc::Sender<Edge>,
    kind: EdgeKind,
    debounce: Duration,
    mut settled: bool,
) {
    let mut missed = 0;
    let mut candidate: Option<(bool, Duration, Instant)> = None;
    loop {
        let due = candidate.map(|(_, _, due)| due);
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            level = raw.recv() => {
                let Some((active, at)) = level else { return };
                candidate = (active != settled).then(|| (active, at, Instant::now() + debounce));
            }
            () = edges.closed() => return,
            () = wait => {}
        }
        if let Some((active, at, due)) = candidate
            && due <= Instant::now()
        {
            candidate = None;
            settled = active;
            if kind.wants(active) {
                offer(&edges, &mut missed, active, at);
            }
        }
    }
}

/// The system's monotonic clock, which the kernel stamps edges with.
pub fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
