//! Commands in one session: signed, encrypted, judged, and for actions journalled before and after.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use streembit_peer::client::Connection;
use streembit_peer::message::Operation;

use crate::device::Device;
use crate::figures::Figures;
use crate::load::{self, Requester};
use crate::person::{Person, ask};

/// What is asked again and again.
#[derive(Clone)]
struct Command {
    connection: Connection,
    action: bool,
}

impl Requester for Command {
    async fn once(&mut self) -> Result<()> {
        if self.action {
            // The device's cheapest action: what it costs is the command around it, with its two durable writes.
            let input = json!({ "limit": 1 });
            ask(&self.connection, Operation::InvokeAction, "device", "readJournal", Some(&input)).await?;
        } else {
            ask(&self.connection, Operation::ReadProperty, "device", "version", None).await?;
        }
        Ok(())
    }
}

/// Reads and actions, one at a time and 64.
pub(crate) async fn measure(figures: &mut Figures, programs: &Path, span: Duration) -> Result<()> {
    let device = Device::create(programs, false)?;
    let running = device.run()?;
    let person = Person::new().await?;
    let link = device.link()?;
    let address = device.address(&link)?;
    let key = person.pair(&address, &link).await?;
    let connection = person.connect(&address, &key).await?;

    figures.note("disk.write", durable_write(device.data().path())?.as_secs_f64() * 1e6, "µs");
    for (name, action) in [("read", false), ("action", true)] {
        for outstanding in [1, 64] {
            let command = Command { connection: connection.clone(), action };
            // Caches, allocators and the processor's frequency settle first.
            load::keep(outstanding, span / 5, || command.clone()).await?;
            let before = running.cpu()?;
            let outcome = load::keep(outstanding, span, || command.clone()).await?;
            outcome.note(figures, &format!("{name}.{outstanding}"), running.cpu()?.saturating_sub(before));
        }
    }
    Ok(())
}

/// The median of a small write that is on the disk when it returns.
fn durable_write(folder: &Path) -> Result<Duration> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut took = Vec::new();
    for _ in 0..101 {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.as_file().sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}
