//! A Debian system with a real systemd, in namespaces of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use streembit_harness::Finished;

use crate::tool;

/// The release that the packages are made for.
const RELEASE: &str = "bookworm";

/// What a Debian installation has and the smallest one of debootstrap does not.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,udev,sudo,xz-utils";

/// From its start to the last of its own services: a second where nothing else runs.
const BOOT: Duration = Duration::from_secs(60);

/// The system runs; it ends with this value.
pub(super) struct Machine {
    root: tempfile::TempDir,
    process: Child,
    /// Process 1 of the machine, as this system numbers it.
    first: u32,
}

impl Machine {
    /// Starts a fresh system.
    pub(super) fn start() -> Result<Self> {
        let pristine = debian()?;
        let root = tempfile::tempdir_in(tool::target().join("packages"))?;
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--reflink=auto"]).arg(pristine.join(".")).arg(root.path());
        tool::run(&mut copy)?;
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--cgroup",
            "--pid",
            "--fork",
            "--kill-child=SIGKILL",
        ]);
        unshare.args(["sh", "-c", include_str!("machine.sh"), "sh"]).arg(root.path());
        unshare.stdin(Stdio::null()).stdout(Stdio::null());
        let process = unshare.spawn().context("cannot start `unshare`: this is for root")?;
        let mut machine = Self { root, process, first: 0 };
        machine.first = machine.find_first()?;
        let state = machine.until("it has booted", BOOT, |machine| {
            let state = machine.run("systemctl is-system-running --wait")?.stdout;
            Ok(matches!(state.trim(), "running" | "degraded").then_some(state))
        })?;
        if state.trim() != "running" {
            bail!("the machine is {state}: {}", machine.run("systemctl --failed --no-pager")?.stdout);
        }
        Ok(machine)
    }

    /// Where this system sees the machine's files.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Puts a file of this system into the machine's `/root`, and returns its path there.
    pub(super) fn bring(&self, file: &Path) -> Result<String> {
        let name = file.file_name().context("a file without a name")?.to_string_lossy();
        fs::copy(file, self.path("/root").join(&*name)).with_context(|| file.display().to_string())?;
        Ok(format!("/root/{name}"))
    }

    /// Runs a line of shell as the machine's root.
    pub(super) fn run(&self, line: &str) -> Result<Finished> {
        let mut enter = self.enter(&["HOME=/root"]);
        enter.args(["sh", "-c", line]);
        Finished::run(&mut enter)
    }

    /// A command that runs the words that follow it as the machine's root, with these variables.
    pub(super) fn enter(&self, variables: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &self.first.to_string(), "--all", "env", "-i"]);
        enter.args([
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        ]);
        enter.args(variables);
        enter
    }

    /// The same, and it must succeed. Returns what was printed, without the line feed at its end.
    pub(super) fn must(&self, line: &str) -> Result<String> {
        Ok(self.run(line)?.success()?.stdout.trim_end().to_owned())
    }

    /// Asks again and again until there is an answer.
    pub(super) fn until<T>(
        &self,
        what: &str,
        patience: Duration,
        ask: impl Fn(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask(self)? {
                return Ok(answer);
            }
            if begun.elapsed() > patience {
                bail!("waited {} s in vain until {what}", patience.as_secs());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The one child of `unshare`.
    fn find_first(&self) -> Result<u32> {
        let pid = self.process.id();
        self.until("the machine has a first process", BOOT, |_| {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
                .context("`unshare` ended: its message is above")?;
            Ok(children.split_whitespace().next().and_then(|child| child.parse().ok()))
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its first process goes with it, and with that one all others of the machine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A system as debootstrap makes it, made once for these packages.
fn debian() -> Result<PathBuf> {
    let folder = tool::target().join("packages").join(RELEASE);
    // In the system itself, written last: what it was made of.
    let made_of = folder.join("root/made-of");
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == PACKAGES) {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&folder);
    let unfinished = folder.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut debootstrap = Command::new("debootstrap");
    // A person's PATH often lacks the folders of root's programs.
    debootstrap.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), RELEASE]).arg(&unfinished);
    tool::output(&mut debootstrap)?;
    fs::rename(&unfinished, &folder)?;
    fs::write(&made_of, PACKAGES).with_context(|| made_of.display().to_string())?;
    Ok(folder)
}
