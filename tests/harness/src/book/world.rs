//! Where the reader's machines are: processes and a network of their own, which end with this value.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::walk::Site;
use super::{Chapter, Place, Walk};
use crate::{LAN, Programs, apart};

/// Process 1 of the world, on its [`LAN`]. It waits for the end of its input, which is that of the test, and everything of the
/// world ends with it.
const FIRST: &str = "echo ready; read -r _";

/// Where a package puts the plugins, and the book says that they are.
const PACKAGED: &str = "/usr/lib/streembit/plugins";

/// What the programs under the book's hands get from the environment of the test: where a toolchain is, for chapters that
/// build something.
const HANDED_ON: [&str; 6] = [
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_TARGET_DIR",
    "STREEMBIT_PLUGINS",
    "CARGO_INCREMENTAL",
];

/// The world of one walk.
pub struct World {
    folder: tempfile::TempDir,
    first: Child,
    programs: PathBuf,
    plugins: PathBuf,
    sources: PathBuf,
}

impl World {
    /// A fresh one, with these programs on every PATH.
    pub fn new(programs: &Programs, sources: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let mut unshare =
            apart(&["--net", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child=SIGKILL"]);
        unshare.args(["bash", "-c", &format!("{LAN}\n{FIRST}")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut first = unshare.spawn().context("`unshare` (Debian: util-linux)")?;
        let mut ready = [0; 6];
        let mut out = first.stdout.take().context("a pipe")?;
        if std::io::Read::read_exact(&mut out, &mut ready).is_err() {
            bail!("no namespaces: `unshare` ended with {}", first.wait()?);
        }
        let program = programs.program("streembit");
        let plugin = programs.plugin("gpio-switch");
        let parent = |path: &Path| path.parent().map(Path::to_owned).context("a folder");
        Ok(Self {
            programs: parent(&program)?,
            plugins: parent(&plugin)?,
            sources: sources.to_owned(),
            folder,
            first,
        })
    }

    /// Walks through a chapter, and before it through the one that it goes on after. Blocks of places that are
    /// elsewhere are left out.
    pub fn walk(&self, chapter: &Chapter) -> Result<()> {
        let mut chapters = vec![chapter.clone()];
        while let Some(before) = &chapters[0].goes_on_after {
            chapters.insert(0, Chapter::read(&chapters[0].path.with_file_name(before))?);
        }
        let mut walk = Walk::new(self);
        for chapter in &chapters {
            walk.through(chapter, |place| !place.is_elsewhere())?;
        }
        Ok(())
    }

    fn home(&self, machine: &str) -> Result<PathBuf> {
        let home = self.folder.path().join(machine);
        if !home.exists() {
            std::fs::create_dir(&home).with_context(|| home.display().to_string())?;
            let shared = self.folder.path().join("shared");
            std::fs::create_dir_all(&shared).with_context(|| shared.display().to_string())?;
            std::os::unix::fs::symlink(&self.sources, home.join("streembit")).context("the sources")?;
            std::os::unix::fs::symlink(&shared, home.join("shared")).context("the shared folder")?;
        }
        Ok(home)
    }

    /// The process that `unshare` made: process 1 of the world, as this system numbers it.
    fn first(&self) -> Result<String> {
        let id = self.first.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        Ok(children.split_whitespace().next().context("the world has ended")?.to_owned())
    }
}

impl Site for World {
    fn enter(&self, place: &Place) -> Result<Command> {
        let home = self.home(&place.machine)?;
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &self.first()?, "--net", "--pid", "--mount"]);
        if !rustix::process::geteuid().is_root() {
            enter.args(["--user", "--preserve-credentials"]);
        }
        let path = std::env::var("PATH").context("PATH")?;
        enter.arg(format!("--wd={}", home.display())).args(["env", "--ignore-environment"]);
        enter.arg(format!("PATH={}:{path}:/usr/sbin:/sbin", self.programs.display()));
        enter.arg(format!("HOME={}", home.display())).arg(format!("USER={}", place.machine));
        // Nothing is fetched from a world without a way out, and cargo is not to try.
        enter.args(["LANG=C.UTF-8", "TERM=dumb", "NO_COLOR=1", "TZ=UTC", "CARGO_NET_OFFLINE=true"]);
        for name in HANDED_ON {
            if let Ok(value) = std::env::var(name) {
                enter.arg(format!("{name}={value}"));
            }
        }
        if let (Err(_), Ok(home)) = (std::env::var("CARGO_HOME"), std::env::var("HOME")) {
            enter.arg(format!("CARGO_HOME={home}/.cargo")).arg(format!("RUSTUP_HOME={home}/.rustup"));
        }
        Ok(enter)
    }

    fn write(&self, place: &Place, path: &str, text: &str) -> Result<()> {
        let file = self.home(&place.machine)?.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(&file, text).with_context(|| file.display().to_string())
    }

    /// The book says `/home/ann` and the package's folder.
    fn stands_for(&self) -> Vec<(String, String)> {
        let homes = ("/home".to_owned(), self.folder.path().display().to_string());
        vec![homes, (PACKAGED.to_owned(), self.plugins.display().to_string())]
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Its process 1 reads to the end and goes, with that one all others, and then `unshare` ends.
        drop(self.first.stdin.take());
        let _ = self.first.wait();
    }
}
