//! A backup that somebody brings: nothing that was not written with a passcode opens, and nothing costs much to refuse. (What is
//! behind the passcode is the target `backup_contents`.)

use streembit_agent::backup::{Backup, BackupError};

pub fn run(input: &[u8]) {
    match Backup::open(input, "Correct-horse-7") {
        Ok(_) => panic!("nobody sealed this"),
        Err(BackupError::Newer { found }) => assert_ne!(found, 1),
        Err(error) => drop(error.to_string()),
    }
}
