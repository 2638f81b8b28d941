//! From the start of the program to the first answer that somebody else gets.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use streembit_keys::PublicKey;
use streembit_peer::message::Operation;
use streembit_peer::network::Address;

use crate::device::{Built, Device};
use crate::figures::Figures;
use crate::journal;
use crate::person::{Person, ask};
use crate::processes::Running;

/// The median of this many starts.
const STARTS: usize = 7;

/// With a new journal, and with a long one; and until a plugin answers, too.
pub(crate) async fn measure(figures: &mut Figures, built: Built<'_>, entries: u64) -> Result<()> {
    let device = Device::create(built, false)?;
    let person = Person::new().await?;
    let (address, key) = {
        let _running = device.run()?;
        let link = device.link()?;
        let address = device.address(&link)?;
        let key = person.pair(&address, &link).await?;
        (address, key)
    };
    let owner = Owner { person, address, key };
    let took = median(&device, &owner, ("device", "version")).await?;
    figures.promise("start", took.as_secs_f64() * 1e3, "ms", 150.0);
    let took = median(&device, &owner, ("door", "state")).await?;
    figures.note("start.door", took.as_secs_f64() * 1e3, "ms");

    journal::fill(&device.data(), entries).await.context("filling the journal")?;
    let took = median(&device, &owner, ("device", "version")).await?;
    figures.promise("start.long-journal", took.as_secs_f64() * 1e3, "ms", 150.0);
    figures.note("start.long-journal.entries", entries as f64, "");
    Ok(())
}

/// Who asks, and whom.
struct Owner {
    person: Person,
    address: Address,
    key: PublicKey,
}

async fn median(device: &Device, owner: &Owner, what: (&str, &str)) -> Result<Duration> {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let running = Running::start(&mut device.command("run"), std::process::Stdio::null())?;
        first_answer(owner, what).await?;
        took.push(begun.elapsed());
        drop(running);
        // The engine notices at its next look that the connection is gone.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    took.sort_unstable();
    Ok(took[STARTS / 2])
}

/// Asks again and again, as somebody does who waits for the device.
async fn first_answer(owner: &Owner, (thing, property): (&str, &str)) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    let mut session = None;
    loop {
        let answer = async {
            // One session is enough: who comes again and again is told to wait.
            let connection = match &session {
                Some(connection) => connection,
                None => session.insert(owner.person.connect(&owner.address, &owner.key).await?),
            };
            ask(connection, Operation::ReadProperty, thing, property, None).await
        };
        match answer.await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > patience => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
