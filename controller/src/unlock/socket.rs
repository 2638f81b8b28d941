//! The socket and the lock file in the home folder.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::home::Home;

const SOCKET: &str = "unlock.sock";
const LOCK: &str = "unlock.lock";

/// Longest path that the system takes for a socket, with its end: `sun_path` has 108 bytes (unix(7)).
const MAX_PATH: usize = 107;

/// The path to bind or connect to. A home with a long name is reached through a descriptor of its folder, which must
/// stay open meanwhile.
fn path(home: &Home) -> io::Result<(PathBuf, Option<File>)> {
    let plain = home.file(SOCKET);
    if plain.as_os_str().len() <= MAX_PATH {
        return Ok((plain, None));
    }
    let folder = File::open(home.folder())?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())), Some(folder)))
}

/// Connects to the process, if there is one.
pub(super) fn connect(home: &Home) -> io::Result<Option<UnixStream>> {
    if !home.folder().exists() {
        return Ok(None);
    }
    let (path, _folder) = path(home)?;
    match UnixStream::connect(path) {
        Ok(stream) => Ok(Some(stream)),
        // No socket, or one that a killed process left behind.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The listening socket and the right to have it.
#[derive(Debug)]
pub(super) struct Place {
    home: Home,
    inode: u64,
    /// Held until the process ends, however it ends.
    _lock: File,
}

/// Takes the place of this home's process; `None` where another process has it.
pub(super) fn take(home: &Home) -> io::Result<Option<(Place, UnixListener)>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    let lock =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(home.file(LOCK))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(e) => return Err(e.into()),
    }
    // Whoever had the lock before is gone, and its socket leads nowhere.
    match std::fs::remove_file(home.file(SOCKET)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let (path, _folder) = path(home)?;
    let listener = UnixListener::bind(path)?;
    // The folder is its owner's alone (0700), so nobody could have come in before this line.
    std::fs::set_permissions(home.file(SOCKET), PermissionsExt::from_mode(0o600))?;
    let inode = std::fs::symlink_metadata(home.file(SOCKET))?.ino();
    Ok(Some((Place { home: home.clone(), inode, _lock: lock }, listener)))
}

impl Place {
    /// Whether the socket is still there: a home that was deleted or replaced needs no process any more.
    pub(super) fn is_there(&self) -> bool {
        std::fs::symlink_metadata(self.home.file(SOCKET)).is_ok_and(|found| found.ino() == self.inode)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_there() {
            // A socket that cannot be removed is found to lead nowhere by whoever comes next.
            let _ = std::fs::remove_file(self.home.file(SOCKET));
        }
    }
}
