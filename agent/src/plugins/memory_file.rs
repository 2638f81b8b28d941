use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A file in memory that nobody can change any more, this process included.
pub(super) struct MemoryFile {
    file: File,
    length: u64,
}

impl MemoryFile {
    pub(super) fn sealed(bytes: &[u8]) -> std::io::Result<Self> {
        let descriptor = memfd_create("streembit-code", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = File::from(descriptor);
        file.write_all(bytes)?;
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self { file, length: bytes.len() as u64 })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl AsFd for MemoryFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_stays_as_it_is() {
        let sealed = MemoryFile::sealed(b"code").unwrap();
        assert_eq!(sealed.length(), 4);
        let mut again = sealed.file.try_clone().unwrap();
        assert!(again.write_all(b"x").is_err());
        assert!(sealed.file.set_len(0).is_err());
        assert!(fcntl_add_seals(&sealed.file, SealFlags::FUTURE_WRITE).is_err());
    }
}
