//! A Debian package of a tree.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Run, files_below};
use crate::tool;

/// Scripts that dpkg runs, as far as a package has them.
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// Wraps `tree`, and returns the package's file.
pub(super) fn make(run: &Run, name: &str, tree: &Path, installed: u64) -> Result<PathBuf> {
    let templates = tool::workspace().join("packaging/debian");
    let template = templates.join(format!("{name}.control"));
    let control = fs::read_to_string(&template)
        .with_context(|| template.display().to_string())?
        .replace("@VERSION@", run.version)
        .replace("@ARCHITECTURE@", run.arch.debian())
        .replace("@INSTALLED_SIZE@", &installed.div_ceil(1024).to_string())
        .replace("@LIBRARIES@", &libraries(tree)?);

    let debian = tree.join("DEBIAN");
    fs::create_dir_all(&debian)?;
    fs::write(debian.join("control"), control)?;
    fs::write(debian.join("md5sums"), sums(tree)?)?;
    for script in SCRIPTS {
        let from = templates.join(format!("{name}.{script}"));
        if from.exists() {
            let to = debian.join(script);
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
            fs::set_permissions(&to, Permissions::from_mode(0o755))?;
        }
    }
    tidy_modes(tree)?;

    let package = run.folder.join(format!("{name}_{}_{}.deb", run.version, run.arch.debian()));
    let mut dpkg = Command::new("dpkg-deb");
    // Times later than this become this; the files were just made, so all of them do.
    dpkg.env("SOURCE_DATE_EPOCH", &run.epoch);
    // One thread: with several, where the compressor cuts depends on how many there are.
    dpkg.args(["--root-owner-group", "--threads-max=1", "-Zxz", "--build"]).arg(tree).arg(&package);
    tool::output(&mut dpkg)?;
    fs::remove_dir_all(&debian)?;
    Ok(package)
}

/// The oldest C library that has every version of a symbol that the programs ask for.
fn libraries(tree: &Path) -> Result<String> {
    let mut newest = (2, 17);
    for file in files_below(tree)? {
        let bytes = fs::read(tree.join(&file))?;
        if bytes.starts_with(b"\x7fELF") {
            newest = newest.max(newest_glibc(&bytes));
        }
    }
    Ok(format!("libc6 (>= {}.{}), libgcc-s1", newest.0, newest.1))
}

/// The newest `GLIBC_2.N` in a program.
fn newest_glibc(bytes: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_2.";
    let versions = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let minor = versions.filter_map(|(at, _)| {
        let digits: String =
            bytes[at + MARK.len()..].iter().take_while(|b| b.is_ascii_digit()).map(|b| *b as char).collect();
        digits.parse().ok()
    });
    (2, minor.max().unwrap_or(0))
}

/// What `dpkg --verify` compares with.
fn sums(tree: &Path) -> Result<String> {
    let files: Vec<PathBuf> =
        files_below(tree)?.into_iter().filter(|file| !file.starts_with("DEBIAN")).collect();
    tool::output(Command::new("md5sum").current_dir(tree).args(files))
}

/// Folders as every package has them, whatever the umask of whoever builds.
fn tidy_modes(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            tidy_modes(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::newest_glibc;

    #[test]
    fn the_newest_symbol_decides() {
        assert_eq!(newest_glibc(b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.2.5\0"), (2, 34));
        assert_eq!(newest_glibc(b"nothing"), (2, 0));
    }
}
