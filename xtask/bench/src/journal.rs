//! A journal as long as years make it, written by the journal's own code.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use streembit_agent::clock::{Clock, VirtualTime};
use streembit_agent::identity::{DataFolder, Identity};
use streembit_agent::journal::{Begun, Intent, Journal, NotRecorded, Outcome, Settings};
use streembit_keys::{PrivateKey, Thumbprint, rng};
use streembit_peer::message::{CallId, Operation};
use tokio::task::JoinSet;

/// How many are written beside each other: a commit takes as many as wait.
const WRITERS: u64 = 512;

/// How long the journal keeps an answer that nobody may ask for again, and a little more.
const KEPT: Duration = Duration::from_secs(61);

/// Adds about this many entries to the journal of a device that does not run: half of them intents, half outcomes. Years
/// pass meanwhile, on a clock that nothing vouches for and that leaves no trace.
pub(crate) async fn fill(data: &DataFolder, entries: u64) -> Result<()> {
    let identity = Identity::load(data, None)?;
    let time = VirtualTime::new(0, false);
    let clock = Arc::new(Clock::new(time.clone()));
    let journal = Arc::new(Journal::open(&data.state(), &identity.account, clock, Settings::default())?);
    let before = journal.head().seq;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (journal, time) = (Arc::clone(&journal), time.clone());
        writers.spawn(async move {
            let contact = PrivateKey::generate(&mut rng::system()).public().thumbprint();
            for _ in 0..entries / 2 / WRITERS + 1 {
                record(&journal, &time, contact).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done??;
    }
    ensure!(journal.head().seq >= before + entries, "the journal is too short");
    Ok(())
}

async fn record(journal: &Journal, time: &VirtualTime, contact: Thumbprint) -> Result<()> {
    let intent = Intent {
        contact,
        call: CallId::from_bytes(rng::bytes(&mut rng::system())),
        content: [7; 32],
        op: Operation::InvokeAction,
        thing: "door".parse()?,
        affordance: Some("open".parse()?),
        // As long as one of a real request.
        request: "x".repeat(420),
        input: None,
        valid_for: Duration::ZERO,
    };
    loop {
        match journal.begin(intent.clone()).await {
            Ok(Begun::New(recorded)) => {
                journal.finish(recorded, Outcome::Ok, b"{}".to_vec()).await?;
                return Ok(());
            }
            Ok(Begun::Seen(seen)) => bail!("a new call was seen before: {seen:?}"),
            Err(NotRecorded::Full) => time.pass(KEPT),
            Err(error) => return Err(error.into()),
        }
    }
}
