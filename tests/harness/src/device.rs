//! A device with one door on simulated lines.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::door::{CHIP, LINES};
use crate::{Door, Finished, Programs, Running};

/// The first start compiles the plugin in an unoptimised program on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Twice what a drain is allowed to take.
const STOP: Duration = Duration::from_secs(20);

/// A device in a folder of its own; it ends with this value.
pub struct Device {
    program: PathBuf,
    data: PathBuf,
    world: PathBuf,
    running: Option<Running>,
}

impl Device {
    /// A new device in `folder/name`, configured with a door called `door`, not started yet.
    pub fn new(programs: &Programs, folder: &Path, name: &str) -> Result<Self> {
        let data = folder.join(name);
        let world = folder.join(format!("{name}-lines"));
        std::fs::create_dir_all(&world).with_context(|| world.display().to_string())?;
        let device = Self { program: programs.program("streembit-agent"), data, world, running: None };
        device.run(["init"])?.success()?;
        let grants: String = LINES
            .iter()
            .map(|(wanted, line, use_as)| format!("{wanted} = \"{CHIP} line {line}, {use_as}\"\n"))
            .collect();
        let config = format!(
            "name = \"{name}\"\n\n[network]\nlisten = [\"/ip4/127.0.0.1/udp/0/quic-v1\", \"/ip4/127.0.0.1/tcp/0\"]\n\
             mdns = false\n\n[hardware]\nsimulated = {:?}\n\n[plugins.door]\ncomponent = {:?}\n\n\
             [plugins.door.grants]\n{grants}",
            device.world,
            programs.plugin("gpio-switch"),
        );
        let file = device.data.join("config.toml");
        std::fs::write(&file, config).with_context(|| file.display().to_string())?;
        device.run(["config", "check"])?.success()?;
        Ok(device)
    }

    /// Starts it, and returns when it answers.
    pub fn start(&mut self) -> Result<()> {
        self.start_with(|command| command)
    }

    /// Starts it with something changed in how.
    pub fn start_with(&mut self, change: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
        self.launch(change)?;
        self.ready()
    }

    /// Starts its process and does not wait.
    pub fn launch(&mut self, change: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
        let mut command = self.command();
        // Its own standard output is the pipe that tells when it is ready.
        change(command.args(["run", "--ready-fd", "1"]));
        self.running = Some(Running::start(&mut command)?);
        Ok(())
    }

    /// Returns when a device that was launched answers.
    pub fn ready(&mut self) -> Result<()> {
        let ready = self.process()?.line(START);
        if ready.is_err() {
            self.running = None;
        }
        ready.map(drop).context("the device did not get ready")
    }

    /// Starts it again, and from now on it listens on the TCP port that it has now, and nowhere else: whoever meets it
    /// from here on finds it there after every start. (They would wait for an answer from a UDP port without a device until
    /// their patience is over.)
    pub fn stay(&mut self) -> Result<()> {
        let status = self.run(["--json", "status"])?.success()?.json()?;
        let addresses = status["addresses"].as_array().context("no addresses")?;
        let port =
            addresses.iter().find_map(|address| address.as_str()?.split_once("/tcp/")?.1.split('/').next());
        let port = port.context("it does not listen on TCP")?;
        let file = self.data.join("config.toml");
        let config = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let lines = config.lines().map(|line| match line.starts_with("listen") {
            true => format!("listen = [\"/ip4/127.0.0.1/tcp/{port}\"]\n"),
            false => format!("{line}\n"),
        });
        std::fs::write(&file, lines.collect::<String>()).with_context(|| file.display().to_string())?;
        self.stop()?;
        self.start()
    }

    /// Runs a command of its own program to the end.
    pub fn run<const N: usize>(&self, words: [&str; N]) -> Result<Finished> {
        self.run_all(&words)
    }

    /// The same, for words out of a table.
    pub fn run_all(&self, words: &[&str]) -> Result<Finished> {
        Finished::run(self.command().args(words))
    }

    /// Opens a pairing and returns its link.
    pub fn pairing_link(&self) -> Result<String> {
        let pairing = self.run(["pair", "--json"])?.success()?.json()?;
        pairing["link"].as_str().map(str::to_owned).with_context(|| format!("no link in {pairing}"))
    }

    /// The door as somebody sees it who stands before it.
    pub fn door(&self) -> Door {
        Door::new(self.world.clone())
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The running agent's process.
    pub fn process(&mut self) -> Result<&mut Running> {
        self.running.as_mut().context("the device does not run")
    }

    /// Ends it as systemd would.
    pub fn stop(&mut self) -> Result<()> {
        match self.running.take().context("the device does not run")?.stop(STOP)? {
            Some(0) => Ok(()),
            code => bail!("the agent ended with {code:?}"),
        }
    }

    /// Waits until it has ended by itself. `None` where a signal ended it, as `abort` does.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        self.running.take().context("the device does not run")?.end(STOP)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.running.take().context("the device does not run")?.kill()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--data")
            .arg(&self.data)
            .env("NO_COLOR", "1")
            .env("STREEMBIT_LOG", "warn")
            .env_remove("NOTIFY_SOCKET");
        command
    }
}
