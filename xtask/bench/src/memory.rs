//! What a device needs while nobody asks anything.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use streembit_harness::{LAN, apart};

use crate::device::{Built, Device, ready};
use crate::figures::Figures;
use crate::processes::Running;

/// How long a device is left alone: its plugin is compiled, and what that has taken is given back.
const SETTLE: Duration = Duration::from_secs(5);

/// All processes of one device with mDNS on, in a network namespace of its own, so that nothing is announced.
pub(crate) fn measure(figures: &mut Figures, built: Built<'_>) -> Result<()> {
    let device = Device::create(built, true)?;
    let run = device.command("run");
    let mut apart = apart(&["--net"]);
    apart.args(["sh", "-c", &format!("{LAN}\nexec \"$@\""), "sh"]);
    apart.env("STREEMBIT_LOG", "error").arg(run.get_program()).args(run.get_args()).args(["--ready-fd", "1"]);
    let running = ready(Running::start(&mut apart, Stdio::piped())?)?;
    std::thread::sleep(SETTLE);
    let before = running.cpu()?;
    figures.promise("memory", running.memory()? as f64 / 1e6, "MB", 25.0);
    figures.note("memory.processes", running.count() as f64, "");
    std::thread::sleep(SETTLE);
    let idle = running.cpu()?.saturating_sub(before).as_secs_f64() / SETTLE.as_secs_f64();
    figures.note("idle.cpu", idle * 100.0, "%");
    Ok(())
}
