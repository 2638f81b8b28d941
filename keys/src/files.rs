//! Files that survive a power cut, and files that only their owner can read.
//!
//! [`write_atomic`] leaves the old file or the new one, never a mixture and never neither. Reads are bounded, so that no
//! file on disk decides how much memory is used.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// What went wrong with which file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is longer than its reader allows.
    #[error("{} is too long: {max} bytes at most", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// How many bytes its reader allows.
        max: u64,
    },
    /// A secret that others can read is no secret.
    #[error("{} can be read by others (mode {mode:04o}): run `chmod 600` on it, or make a new key", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, a pipe or a device where a file should be.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the disk (or a quota) is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FileError + 'a {
    move |source| FileError::Io { action, path: path.to_owned(), source }
}

/// Writes a file so that after a power cut at any instant it holds the old bytes or the new ones.
///
/// The bytes go to a new file in the same folder (a rename works only within one file system), which is made durable,
/// then renamed, and the folder is made durable. When this returns, the new bytes are on the disk.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    write_atomic_as(path, bytes, mode, None)
}

/// The same, and the file belongs to that user and group before anybody finds it under its name. Only root may give a
/// file away.
pub fn write_atomic_as(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), FileError> {
    write_beside(path, bytes, mode, owner, |temporary| {
        fs::rename(temporary, path).map_err(io_error("replace", path))
    })
}

/// Writes a file that is not there yet, and fails where it is, even where it came there only a moment ago. In any other way
/// it is as [`write_atomic`].
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    write_beside(path, bytes, mode, None, |temporary| {
        let here = rustix::fs::CWD;
        match renameat_with(here, temporary, here, path, RenameFlags::NOREPLACE) {
            // Not every file system can do that; those that cannot have links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::hard_link(temporary, path)
                .and_then(|()| fs::remove_file(temporary))
                .map_err(io_error("create", path)),
            renamed => renamed.map_err(|errno| io_error("create", path)(errno.into())),
        }
    })
}

/// Writes a durable file under another name in the same folder, and has `place` give it its own.
fn write_beside(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
    place: impl FnOnce(&Path) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let folder = folder_of(path);
    let (temporary, mut file) = create_beside(path, folder, mode)?;
    let written = (|| {
        if let Some((user, group)) = owner {
            fchown(&file, Some(user), Some(group)).map_err(io_error("set the owner of", &temporary))?;
        }
        // The process's umask may have taken bits away, so the mode is set, not only asked for.
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(io_error("set the mode of", &temporary))?;
        file.write_all(bytes).map_err(io_error("write", &temporary))?;
        file.sync_all().map_err(io_error("sync", &temporary))?;
        place(&temporary)
    })();
    if let Err(error) = written {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_dir(folder)
}

/// A new, empty file in `folder`, under a name that nobody has.
fn create_beside(path: &Path, folder: &Path, mode: u32) -> Result<(PathBuf, File), FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let random = u64::from_le_bytes(crate::rng::bytes(&mut crate::rng::system()));
        let temporary = folder.join(format!(".{name}.{random:016x}.new"));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(io_error("create", &temporary)(source)),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder's entries durable: new names, renames and removals in it.
pub fn sync_dir(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(io_error("sync the folder", path))
}

/// Makes a folder that only its owner can enter (mode 0700), and the folders above it. One that is there already loses
/// what its mode gave to group and others.
pub fn create_dir_private(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error("create the folder", path))?;
    let mode = fs::metadata(path).map_err(io_error("look at the folder", path))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        // Group and others may have come from the umask of whoever made it; tightening it is always safe.
        fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
            .map_err(io_error("set the mode of", path))?;
    }
    sync_dir(folder_of(path))
}

/// Reads a whole file of at most `max` bytes.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let mut file = File::open(path).map_err(io_error("open", path))?;
    read_to_end(&mut file, path, max)
}

/// Reads a whole file of at most `max` bytes out of a folder where somebody else may have put what they like: no link is
/// followed, and no pipe is waited for.
pub fn read_regular(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let (mut file, _) = open_regular(path, OFlags::NONBLOCK | OFlags::NOFOLLOW)?;
    read_to_end(&mut file, path, max)
}

/// Reads a secret of at most `max` bytes from a regular file that neither its group nor others can read or write.
pub fn read_secret(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    read_private(path, max, 0o077)
}

/// Reads a secret that systemd handed over (`LoadCredential=`; `path` lies in `$CREDENTIALS_DIRECTORY`).
///
/// systemd opens such a file to the service's user by an access control list, whose mask shows up as the group's bits:
/// only the others' bits can be held against it.
pub fn read_credential(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    read_private(path, max, 0o007)
}

fn read_private(path: &Path, max: u64, forbidden: u32) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // Without NONBLOCK, opening a pipe that somebody put there would wait for its writer for ever.
    let (mut file, metadata) = open_regular(path, OFlags::NONBLOCK)?;
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    read_to_end(&mut file, path, max).map(Zeroizing::new)
}

fn open_regular(path: &Path, flags: OFlags) -> Result<(File, fs::Metadata), FileError> {
    let flags = flags.bits().cast_signed();
    let file =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(io_error("open", path))?;
    // The open file is asked, not the path: nobody can swap it in between.
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(FileError::NotAFile { path: path.to_owned() }) }
}

fn read_to_end(file: &mut File, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let expected = file.metadata().map_or(0, |metadata| metadata.len()).min(max);
    // Room for everything at once: a buffer that grows would leave copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(io_error("read", path))?;
    if bytes.len() as u64 > max {
        zeroize::Zeroize::zeroize(&mut bytes);
        return Err(FileError::TooLong { path: path.to_owned(), max });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
