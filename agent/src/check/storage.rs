//! The disk below the data folder.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::{Diagnosis, Point};
use crate::words::bytes;

/// Less than this is scarce: some 90,000 entries of the journal, which a busy device writes in a month.
const SCARCE: u64 = 64 << 20;

/// Less than this is none: the journal's write-ahead log alone takes 4 MiB before it is brought home.
const NONE: u64 = 1 << 20;

/// Fewer files than this are scarce: a start makes about a dozen, an update of a plugin two.
const SCARCE_FILES: u64 = 64;

/// What a file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Disk {
    size: u64,
    /// For users that are not root.
    free: u64,
    /// How many more files there may be; `None` where it makes room for them as it goes.
    files: Option<u64>,
    read_only: bool,
}

/// Whether the disk of this folder has room.
pub fn storage(folder: &Path) -> Point {
    match statvfs(folder) {
        Ok(said) => judge(Disk {
            size: said.f_blocks.saturating_mul(said.f_frsize),
            free: said.f_bavail.saturating_mul(said.f_frsize),
            files: (said.f_files > 0).then_some(said.f_favail),
            read_only: said.f_flag.contains(StatVfsMountFlags::RDONLY),
        }),
        Err(error) => Diagnosis::Storage.bad(
            format!("{}: {error}", folder.display()),
            "Mount the disk, or name another folder with `--data`.",
        ),
    }
}

/// How many bytes are free there for users that are not root.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    statvfs(folder).ok().map(|said| said.f_bavail.saturating_mul(said.f_frsize))
}

fn judge(disk: Disk) -> Point {
    let room = format!("{} of {} are free", bytes(disk.free), bytes(disk.size));
    let make_room =
        "Make room on the disk, or let the journal keep less: `journal.max-megabytes` in the config file.";
    let storage = Diagnosis::Storage;
    if disk.read_only {
        return storage.bad(
            "the disk is mounted read-only",
            "Look at `dmesg`: a disk that fails is mounted so. Check it, or mount it for writing.",
        );
    }
    match disk.files {
        Some(0) => {
            return storage
                .bad("the disk takes no more files", "Remove files that nobody needs from the disk.");
        }
        Some(files) if files < SCARCE_FILES => {
            return storage.warning(
                format!("the disk takes {files} more files"),
                "Remove files that nobody needs from the disk.",
            );
        }
        _ => {}
    }
    if disk.free < NONE {
        storage.bad(format!("the disk is full: {room}"), make_room)
    } else if disk.free < SCARCE {
        storage.warning(room, make_room)
    } else {
        storage.ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    const WELL: Disk = Disk { size: 16 << 30, free: 8 << 30, files: Some(100_000), read_only: false };

    #[test]
    fn a_disk_is_judged_by_its_room_its_files_and_whether_it_can_be_written() {
        for (disk, level, word) in [
            (WELL, Level::Ok, "8.0 GiB of 16.0 GiB"),
            (Disk { files: None, ..WELL }, Level::Ok, "free"),
            (Disk { free: 63 << 20, ..WELL }, Level::Warning, "63.0 MiB"),
            (Disk { free: 4096, ..WELL }, Level::Bad, "full"),
            (Disk { files: Some(63), ..WELL }, Level::Warning, "63 more files"),
            (Disk { files: Some(0), ..WELL }, Level::Bad, "no more files"),
            (Disk { read_only: true, ..WELL }, Level::Bad, "read-only"),
        ] {
            let point = judge(disk);
            assert_eq!(point.level, level, "{point:?}");
            assert!(point.detail.contains(word), "{point:?}");
            assert_eq!(point.remedy.is_some(), level != Level::Ok);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let point = storage(Path::new("/no/such/folder"));
        assert_eq!(point.level, Level::Bad);
        assert!(point.detail.contains("/no/such/folder"), "{point:?}");
    }
}
