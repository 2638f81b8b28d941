//! A journal as long as years make it, written by the journal's own code.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use streembit_agent::clock::Clock;
use streembit_agent::identity::{DataFolder, Identity};
use streembit_agent::journal::{Begun, Intent, Journal, NotRecorded, Outcome, Settings};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::message::{CallId, Operation};
use tokio::task::JoinSet;

/// How many are written beside each other: a commit takes as many as wait.
const WRITERS: u64 = 512;

/// Adds about this many entries to the journal of a device that does not run: half of them intents, half outcomes.
pub(crate) async fn fill(data: &DataFolder, entries: u64) -> Result<()> {
    let identity = Identity::load(data, None)?;
    let clock = Arc::new(Clock::system());
    let journal = Arc::new(Journal::open(&data.state(), &identity.account, clock, Settings::default())?);
    let before = journal.head().seq;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let journal = Arc::clone(&journal);
        writers.spawn(async move {
            let contact = PrivateKey::generate(&mut rng::system()).public().thumbprint();
            for _ in 0..entries / 2 / WRITERS + 1 {
                record(&journal, contact).await?;
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

async fn record(journal: &Journal, contact: streembit_keys::Thumbprint) -> Result<()> {
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
        // Forgotten at once, so that the bound of kept answers does not stop us.
        valid_for: Duration::ZERO,
    };
    match journal.begin(intent).await {
        Ok(Begun::New(recorded)) => {
            journal.finish(recorded, Outcome::Ok, b"{}".to_vec()).await?;
            Ok(())
        }
        Ok(Begun::Seen(seen)) => bail!("a new call was seen before: {seen:?}"),
        Err(NotRecorded::Full) => bail!("answers are kept too long"),
        Err(error) => Err(error.into()),
    }
}
