//! `cargo xtask demo`: the whole path in a minute, a line a step, on real processes.

use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use streembit_harness::{Device, Person, Programs};

use crate::programs::{self, Profile};
use crate::{plugins, requirements};

/// What the programs answer when a right is missing (`--help` lists the exit codes).
const REFUSED: i32 = 3;

/// How long a notification may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Start a simulated device on loopback, pair with it, and show the whole path, a line a step.
#[derive(Args)]
pub(crate) struct Options {
    /// End when all has been shown, with 0, or with 1 and the step that failed.
    #[arg(long)]
    once: bool,
    /// Install what is missing from the system (as root, or by sudo).
    #[arg(long)]
    install: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    requirements::for_demo(options.install || ci)?;
    println!("Building the plugin and the programs; the first time takes some minutes.");
    let plugins = plugins::build()?;
    let programs = Programs::in_folders(programs::build(Profile::Dev)?, plugins)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut shown = 0;
    let mut show = |what: &str| {
        shown += 1;
        println!("{shown:>3}  {what}");
    };
    let stage = Stage::set(&programs, folder.path(), &mut show)?;
    stage.control(&mut show)?;
    stage.guests(&programs, folder.path(), &mut show)?;
    stage.strangers(&programs, folder.path(), &mut show)?;
    stage.journal(&mut show)?;
    if options.once { Ok(()) } else { stage.stay(&programs) }
}

/// A device with a moving door, and its owner.
struct Stage {
    owner: Person,
    device: Device,
    pairing_link: String,
    _motor: streembit_harness::Motor,
}

impl Stage {
    fn set(programs: &Programs, folder: &Path, show: &mut dyn FnMut(&str)) -> Result<Self> {
        let mut device = Device::new(programs, folder, "garage").context("making a device")?;
        let motor = device.door().motor()?;
        device.start().context("starting the device")?;
        show("A device is running on loopback, with a door on simulated lines.");

        let pairing_link = device.pairing_link().context("opening a pairing")?;
        let owner = Person::new(programs, folder, "owner").context("making the owner's account")?;
        owner.run(["pair", "--as", "garage", &pairing_link])?.success().context("pairing")?;
        show("A person paired with it by its link, and is its owner now.");
        Ok(Self { owner, device, pairing_link, _motor: motor })
    }

    fn control(&self, show: &mut dyn FnMut(&str)) -> Result<()> {
        let things = self.owner.run(["ls"])?.success().context("listing Things")?.stdout;
        ensure!(things.contains("door"), "the door is not listed: {things}");
        show("The owner found the Thing `door`.");

        let state =
            self.owner.run(["read", "garage/door/state"])?.success().context("reading the state")?.stdout;
        ensure!(state.trim() == "closed", "the door is {state}");
        show("The owner read its state: closed.");

        let observing = self.owner.start(["observe", "garage/door/state", "--for", "60s"])?;
        observing.line_that(SOON, |line| line.starts_with("Following")).context("observing the state")?;
        self.owner.run(["invoke", "garage/door/open"])?.success().context("opening the door")?;
        show("The owner opened it by an action: the relay clicked once.");
        observing.line_that(SOON, |line| line.ends_with("open")).context("observing the open door")?;
        ensure!(
            self.device.door().movements() == 1,
            "the relay moved {} times",
            self.device.door().movements()
        );
        show("The change of state arrived as an observation: open.");
        Ok(())
    }

    fn guests(&self, programs: &Programs, folder: &Path, show: &mut dyn FnMut(&str)) -> Result<()> {
        let allow = ["--allow", "door/close", "--allow", "door/state:observe"];
        let invitation = self
            .owner
            .run(["--json", "invite", "garage", "--name", "Ann", allow[0], allow[1], allow[2], allow[3]])?
            .success()
            .context("inviting a guest")?
            .json()?;
        let link = invitation["link"].as_str().context("the invitation's link")?;
        let guest = Person::new(programs, folder, "ann").context("making the guest's account")?;
        guest.run(["accept", "--as", "garage", link])?.success().context("accepting the invitation")?;
        guest.run(["invoke", "garage/door/close"])?.success().context("closing the door as a guest")?;
        show("A guest was invited to close the door, and closed it.");

        guest
            .run(["invoke", "garage/door/open"])?
            .ends_with(REFUSED)
            .context("opening the door as a guest")?;
        ensure!(self.device.door().movements() == 2, "a refused command moved the door");
        show("Opening it was refused to the guest, and nothing moved.");

        let observing = guest.start(["observe", "garage/door/state"])?;
        observing.line_that(SOON, |line| line.starts_with("Following")).context("observing as a guest")?;
        self.owner.run(["revoke", "garage", "Ann"])?.success().context("revoking the guest")?;
        let code = observing.end(SOON).context("the guest's observation goes on")?;
        ensure!(code != Some(0), "the guest's observation ended as if all was well");
        let again = guest.run(["invoke", "garage/door/close"])?;
        ensure!(again.code != Some(0), "a revoked guest closed the door");
        ensure!(self.device.door().movements() == 2, "a revoked guest moved the door");
        show("The guest was revoked in an open session, which ended at once.");
        Ok(())
    }

    fn strangers(&self, programs: &Programs, folder: &Path, show: &mut dyn FnMut(&str)) -> Result<()> {
        let stranger = Person::new(programs, folder, "stranger").context("making a stranger's account")?;
        let tried = stranger.run(["pair", &self.pairing_link])?;
        ensure!(tried.code != Some(0), "a stranger paired with a link that was used already");
        show("A stranger with the used link was refused.");
        Ok(())
    }

    fn journal(&self, show: &mut dyn FnMut(&str)) -> Result<()> {
        self.device.run(["journal", "verify"])?.success().context("verifying the journal on the device")?;
        self.owner
            .run(["log", "garage", "--verify"])?
            .success()
            .context("verifying the journal from afar")?;
        show("The journal was verified, on the device and by the owner from afar.");
        Ok(())
    }

    fn stay(&self, programs: &Programs) -> Result<()> {
        let owner =
            format!("{} --home {}", programs.program("streembit").display(), self.owner.home().display());
        let device = format!(
            "{} --data {}",
            programs.program("streembit-agent").display(),
            self.device.data().display()
        );
        println!("\nIt stays up until you press Enter. Try, as its owner:\n");
        for words in ["ls", "observe door/state --count 3", "invoke door/open", "td door", "log"] {
            println!("  {owner} {words}");
        }
        println!("\nand on the device:\n");
        for words in ["status", "contacts", "journal verify", "invite --name Bea --allow door/open"] {
            println!("  {device} {words}");
        }
        std::io::stdin().lock().read_line(&mut String::new()).context("waiting for Enter")?;
        Ok(())
    }
}
