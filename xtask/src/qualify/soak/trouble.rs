//! What goes wrong at a device.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use streembit_harness::usage::{family, program_of};
use streembit_harness::{Device, Seeded};

use crate::tool;

#[derive(Debug, Clone, Copy)]
enum Trouble {
    PowerCut,
    Restart,
    HostKilled,
    Frozen,
    NetworkGone,
    Reload,
}

/// Lets something go wrong, puts it right again, and says what it was.
pub(super) fn happen(device: &mut Device, chance: &mut Seeded) -> Result<&'static str> {
    use Trouble::{Frozen, HostKilled, NetworkGone, PowerCut, Reload, Restart};
    match chance.one_of([PowerCut, Restart, HostKilled, Frozen, NetworkGone, Reload]) {
        PowerCut => {
            device.kill()?;
            a_while(chance, 3000);
            device.start()?;
            Ok("killed and started again")
        }
        Restart => {
            device.stop()?;
            a_while(chance, 3000);
            device.start()?;
            Ok("stopped and started again")
        }
        HostKilled => {
            for host in family(device.process()?.id()).into_iter().filter(|pid| is_host(*pid)) {
                let pid = Pid::from_raw(host.cast_signed()).context("a process id")?;
                // It may have ended by itself just now.
                let _ = kill_process(pid, Signal::KILL);
            }
            Ok("plugin host killed")
        }
        Frozen => {
            device.process()?.signal(Signal::STOP)?;
            a_while(chance, 4000);
            device.process()?.signal(Signal::CONT)?;
            Ok("frozen for a while")
        }
        NetworkGone => {
            network("down")?;
            a_while(chance, 6000);
            network("up")?;
            Ok("without a network for a while")
        }
        Reload => {
            device.process()?.signal(Signal::HUP)?;
            Ok("config read again")
        }
    }
}

fn a_while(chance: &mut Seeded, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(chance.below(most_ms)));
}

fn is_host(pid: u32) -> bool {
    program_of(pid).is_some_and(|path| path.ends_with("streembit-plugin-host"))
}

fn network(state: &str) -> Result<()> {
    tool::run(Command::new("ip").args(["link", "set", "lo", state]))
}
