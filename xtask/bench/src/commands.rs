//! Commands in one session: signed, encrypted, judged, and for actions journalled before and after.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use streembit_peer::client::Connection;
use streembit_peer::message::{Answer, Operation, ProblemCode};

use crate::device::{Built, Device};
use crate::figures::Figures;
use crate::load::{self, Requester};
use crate::person::{Person, answer, ask};

/// What is asked again and again.
#[derive(Clone)]
struct Command {
    connection: Connection,
    action: bool,
    /// Actions that the plugin's quota of hardware calls stopped: commands with both records all the same.
    stopped: Arc<AtomicU64>,
}

impl Requester for Command {
    async fn once(&mut self) -> Result<()> {
        if self.action {
            let op = Operation::InvokeAction;
            match answer(&self.connection, op, "door", "stop", None).await? {
                Answer::Ok(_) => {}
                Answer::Problem(problem) if problem.code == ProblemCode::Failed => {
                    self.stopped.fetch_add(1, Ordering::Relaxed);
                }
                other => bail!("door/stop answered {other:?}"),
            }
        } else {
            ask(&self.connection, Operation::ReadProperty, "door", "state", None).await?;
        }
        Ok(())
    }
}

/// The most actions of one load: of all loads together the device keeps the answers for a minute, 8,192 for one contact.
const ACTIONS: usize = 3_500;

/// By when the journal has written the reads, too: it keeps them in memory for five seconds at most.
const LIE_ASIDE: Duration = Duration::from_secs(6);

/// Reads and actions, one at a time and 64.
pub(crate) async fn measure(figures: &mut Figures, built: Built<'_>, span: Duration) -> Result<()> {
    let device = Device::create(built, false)?;
    let running = device.run()?;
    let person = Person::new().await?;
    let link = device.link()?;
    let address = device.address(&link)?;
    let key = person.pair(&address, &link).await?;
    let connection = person.connect(&address, &key).await?;
    door_is_there(&connection).await?;

    figures.note("disk.write", durable_write(device.data().path())?.as_secs_f64() * 1e6, "µs");
    for (name, action, most) in [("read", false, usize::MAX), ("action", true, ACTIONS)] {
        for outstanding in [1, 64] {
            let stopped = Arc::default();
            let command = Command { connection: connection.clone(), action, stopped };
            // Caches, allocators and the processor's frequency settle first.
            load::keep_at_most(most / 8, outstanding, span / 5, || command.clone()).await?;
            command.stopped.store(0, Ordering::Relaxed);
            let (before, written) = (running.cpu()?, running.written()?);
            let outcome = load::keep_at_most(most, outstanding, span, || command.clone()).await?;
            let cpu = running.cpu()?.saturating_sub(before);
            tokio::time::sleep(LIE_ASIDE).await;
            let written = running.written()?.saturating_sub(written) as f64 / outcome.took.len() as f64;
            outcome.note(figures, &format!("{name}.{outstanding}"), cpu);
            figures.note(format!("{name}.{outstanding}.written"), written, "bytes");
            if action {
                let share = command.stopped.load(Ordering::Relaxed) as f64 / outcome.took.len() as f64;
                figures.note(format!("action.{outstanding}.over-quota"), share * 100.0, "%");
            }
        }
    }
    Ok(())
}

/// Waits until the plugin answers: its component is compiled at the first start.
async fn door_is_there(connection: &Connection) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match ask(connection, Operation::ReadProperty, "door", "state", None).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > patience => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
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
