//! `packaging/contents.toml`, and the trees that it describes.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use super::{Arch, licences};
use crate::tool;

/// Where built things are.
pub(super) struct Sources {
    pub(super) programs: PathBuf,
    pub(super) plugins: PathBuf,
    pub(super) arch: Arch,
}

/// The packages and their files.
pub(super) struct Contents(BTreeMap<String, Package>);

/// One package.
pub(super) struct Package {
    files: BTreeMap<String, Origin>,
    folders: Vec<String>,
}

/// Where a file comes from.
enum Origin {
    Program(String),
    Plugin(String),
    File(String),
    Compressed(String),
    Completions { of: String, shell: String },
    Licences(Vec<String>),
}

impl Contents {
    pub(super) fn read() -> Result<Self> {
        let path = tool::workspace().join("packaging/contents.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let table: Table = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let package = |(name, value): (String, Value)| {
            Package::parse(&value).map(|package| (name.clone(), package)).with_context(|| name)
        };
        Ok(Self(table.into_iter().map(package).collect::<Result<_>>()?))
    }

    pub(super) fn packages(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.0.iter().map(|(name, package)| (name.as_str(), package))
    }
}

impl Package {
    fn parse(value: &Value) -> Result<Self> {
        let folders = value["folders"].clone().try_into().context("folders")?;
        let files = value["files"].as_table().context("files")?;
        let files = files.iter().map(|(to, origin)| {
            Ok((to.clone(), Origin::parse(origin).with_context(|| format!("where {to} comes from"))?))
        });
        Ok(Self { files: files.collect::<Result<_>>()?, folders })
    }

    /// Puts every file in its place below `tree`, and returns how many bytes they are.
    pub(super) fn lay_out(&self, sources: &Sources, tree: &Path) -> Result<u64> {
        let below = |path: &str| tree.join(path.trim_start_matches('/'));
        for folder in &self.folders {
            fs::create_dir_all(below(folder)).with_context(|| folder.clone())?;
        }
        let mut installed = 0;
        for (to, origin) in &self.files {
            let path = below(to);
            let (bytes, mode) = origin.bytes(sources).with_context(|| to.clone())?;
            let folder = path.parent().context("a file in no folder")?;
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            installed += bytes.len() as u64;
        }
        Ok(installed)
    }
}

impl Origin {
    fn parse(value: &Value) -> Result<Self> {
        let table = value.as_table().context("not a table")?;
        let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let origin = match table.keys().map(String::as_str).collect::<Vec<_>>()[..] {
            ["program"] => text("program").map(Self::Program),
            ["plugin"] => text("plugin").map(Self::Plugin),
            ["file"] => text("file").map(Self::File),
            ["compressed"] => text("compressed").map(Self::Compressed),
            ["completions", "of"] => {
                text("of").zip(text("completions")).map(|(of, shell)| Self::Completions { of, shell })
            }
            ["licences"] => Some(Self::Licences(table["licences"].clone().try_into()?)),
            _ => bail!("no such kind of origin"),
        };
        origin.context("its value is no text")
    }

    /// What the file holds, and its mode.
    fn bytes(&self, sources: &Sources) -> Result<(Vec<u8>, u32)> {
        let read = |path: PathBuf| fs::read(&path).with_context(|| path.display().to_string());
        Ok(match self {
            Self::Program(name) => (read(sources.programs.join(name))?, 0o755),
            Self::Plugin(name) => (read(sources.plugins.join(format!("{name}.wasm")))?, 0o644),
            Self::File(path) => {
                let path = tool::workspace().join(path);
                let mode =
                    fs::metadata(&path).with_context(|| path.display().to_string())?.permissions().mode();
                // Whether it is a script is all that the repository's mode says; the rest is somebody's umask.
                (read(path)?, if mode & 0o100 == 0 { 0o644 } else { 0o755 })
            }
            Self::Compressed(path) => (compress(&read(tool::workspace().join(path))?)?, 0o644),
            Self::Completions { of, shell } => {
                let mut command = sources.arch.command(&sources.programs.join(of));
                (tool::output(command.args(["completions", shell]))?.into_bytes(), 0o644)
            }
            Self::Licences(packages) => (compress(licences::of(packages, sources.arch)?.as_bytes())?, 0o644),
        })
    }
}

impl Arch {
    /// Runs one of its programs, by an emulator where this machine is another.
    pub(crate) fn command(self, program: &Path) -> Command {
        if self.is_native() {
            return Command::new(program);
        }
        let mut command = Command::new(self.emulator());
        command.arg("-L").arg(format!("/usr/{}", self.gnu())).arg(program);
        command
    }
}

/// As `gzip` does it without a name and a time of its own, which would differ each time.
fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), bytes)?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--best", "--no-name", "--stdout"]).arg(file.path());
    let output = gzip.output().context("cannot start gzip")?;
    if !output.status.success() {
        bail!("gzip ended with {}", output.status);
    }
    Ok(output.stdout)
}
