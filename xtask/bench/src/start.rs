//! From the start of the program to the first answer that somebody else gets.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use streembit_keys::PublicKey;
use streembit_peer::message::Operation;
use streembit_peer::network::Address;

use crate::device::Device;
use crate::figures::Figures;
use crate::journal;
use crate::person::{Person, ask};
use crate::processes::Running;

/// The median of this many starts.
const STARTS: usize = 7;

/// With a new journal, and with a long one.
pub(crate) async fn measure(figures: &mut Figures, programs: &Path, entries: u64) -> Result<()> {
    let device = Device::create(programs, false)?;
    let person = Person::new().await?;
    let (address, key) = {
        let _running = device.run()?;
        let link = device.link()?;
        let address = device.address(&link)?;
        let key = person.pair(&address, &link).await?;
        (address, key)
    };
    let took = median(&device, &person, &address, &key).await?;
    figures.promise("start", took.as_secs_f64() * 1e3, "ms", 150.0);

    journal::fill(&device.data(), entries).await.context("filling the journal")?;
    let took = median(&device, &person, &address, &key).await?;
    figures.promise("start.long-journal", took.as_secs_f64() * 1e3, "ms", 150.0);
    figures.note("start.long-journal.entries", entries as f64, "");
    Ok(())
}

async fn median(device: &Device, person: &Person, address: &Address, key: &PublicKey) -> Result<Duration> {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let running = Running::start(&mut device.command("run"), std::process::Stdio::null())?;
        first_answer(person, address, key).await?;
        took.push(begun.elapsed());
        drop(running);
        // The engine notices at its next look that the connection is gone.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    took.sort_unstable();
    Ok(took[STARTS / 2])
}

/// Asks again and again, as somebody does who waits for the device.
async fn first_answer(person: &Person, address: &Address, key: &PublicKey) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = async {
            let connection = person.connect(address, key).await?;
            ask(&connection, Operation::ReadProperty, "device", "version", None).await
        };
        match answer.await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > patience => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
