//! The file that is sent: a compressed archive that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, fchown};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Files of one folder, on their way into the archive.
pub(super) struct Archive {
    tar: tar::Builder<GzEncoder<File>>,
    folder: String,
    /// Seconds since 1970, for every file.
    time: u64,
}

impl Archive {
    /// A new file at `path`. One that is there already is kept, and this fails.
    pub(super) fn create(path: &Path, folder: String, time: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        if let Some((user, group)) = who_used_sudo() {
            // Whoever asked for it must be able to send it.
            fchown(&file, Some(user), Some(group))?;
        }
        Ok(Self { tar: tar::Builder::new(GzEncoder::new(file, Compression::default())), folder, time })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, content: &str) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        self.tar.append_data(&mut header, format!("{}/{name}", self.folder), content.as_bytes())
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut file = self.tar.into_inner()?.finish()?;
        file.flush()?;
        file.sync_all()
    }
}

/// The user and the group of whoever became root with `sudo(8)` for this.
fn who_used_sudo() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let number = |name| std::env::var(name).ok()?.parse().ok();
    Some((number("SUDO_UID")?, number("SUDO_GID")?))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_its_owners_alone_and_never_written_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.tar.gz");
        let mut archive = Archive::create(&path, "x".to_owned(), 1_700_000_000).unwrap();
        archive.add("a.txt", "hello").unwrap();
        archive.add("b.txt", "").unwrap();
        archive.finish().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Archive::create(&path, "x".to_owned(), 0).is_err());

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&path).unwrap()));
        let mut files = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            files.push((entry.path().unwrap().display().to_string(), content));
        }
        assert_eq!(
            files,
            [("x/a.txt".to_owned(), "hello".to_owned()), ("x/b.txt".to_owned(), String::new())]
        );
    }
}
