//! A device in a folder of its own, as the shipped program runs it.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use streembit_agent::control::{Call, Client, PairArgs};
use streembit_agent::identity::DataFolder;
use streembit_peer::link::Link;
use streembit_peer::network::Address;
use tempfile::TempDir;

use crate::processes::Running;

/// What ships, as it was built.
#[derive(Clone, Copy)]
pub(crate) struct Built<'a> {
    /// The folder of the programs.
    pub(crate) programs: &'a Path,
    /// The folder of the plugins.
    pub(crate) plugins: &'a Path,
}

/// The lines of the door that each device drives, on a simulated chip.
const DOOR: &str = r#"
[plugins.door.grants]
open = "gpiochip0 line 4, output"
close = "gpiochip0 line 5, output"
stop = "gpiochip0 line 6, output"
"#;

/// A device with one plugin that was made and may run.
pub(crate) struct Device {
    folder: TempDir,
    program: PathBuf,
    port: u16,
}

impl Device {
    /// Makes a device that listens on a free port of loopback and has a door.
    pub(crate) fn create(built: Built<'_>, mdns: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sb-bench").tempdir()?;
        let program = built.programs.join("streembit-agent");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let device = Self { folder, program, port };
        let made = device.command("init").stdout(Stdio::null()).status();
        let made = made.with_context(|| format!("cannot start {}", device.program.display()))?;
        ensure!(made.success(), "`streembit-agent init` ended with {made}");
        let component = built.plugins.join("gpio-switch.wasm");
        let simulated = device.folder.path().join("chips");
        let config = format!(
            "[network]\n\
             listen = [\"/ip4/127.0.0.1/tcp/{port}\", \"/ip4/127.0.0.1/udp/{port}/quic-v1\"]\n\
             mdns = {mdns}\n\
             [hardware]\n\
             simulated = {simulated:?}\n\
             [plugins.door]\n\
             component = {component:?}\n\
             {DOOR}"
        );
        fs::write(device.data().config(), config)?;
        Ok(device)
    }

    /// Where its data is.
    pub(crate) fn data(&self) -> DataFolder {
        DataFolder::new(self.folder.path().join("d"))
    }

    /// The command that runs it.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(self.data().path()).arg(verb).env("STREEMBIT_LOG", "error");
        command
    }

    /// Runs it until the result is dropped; returns when it answers.
    pub(crate) fn run(&self) -> Result<Running> {
        let mut command = self.command("run");
        // The pipe that tells when it is ready is its standard output, which it does not use otherwise.
        command.args(["--ready-fd", "1"]);
        ready(Running::start(&mut command, Stdio::piped())?)
    }

    /// A link for its owner; it must be running.
    pub(crate) fn link(&self) -> Result<Link> {
        let answer = Client::connect(&self.data())
            .and_then(|mut client| client.ask(&Call::Pair(PairArgs::default())))
            .map_err(|failure| anyhow!("no pairing: {failure:?}"))?;
        let link = answer.get("link").and_then(|link| link.as_str()).context("no link in the answer")?;
        link.parse().context("the device's link")
    }

    /// Only its address over TCP, which is the quicker one on loopback.
    pub(crate) fn address(&self, link: &Link) -> Result<Address> {
        let peer = link.hints.first().context("the link names no address")?.peer();
        Ok(format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", self.port).parse()?)
    }
}

/// Waits for the line that a device writes when it answers.
pub(crate) fn ready(mut running: Running) -> Result<Running> {
    let mut first = [0; 6];
    let pipe = running.child().stdout.as_mut().context("no pipe")?;
    pipe.read_exact(&mut first).context("the device ended before it was ready")?;
    Ok(running)
}
