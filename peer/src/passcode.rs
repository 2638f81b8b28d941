//! Where a passcode comes from: a prompt, a file or a descriptor. Never an argument, which every process on the machine
//! can read, and never the environment, which every child inherits.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use streembit_keys::files::{FileError, read_secret};
use streembit_keys::passcode::{MAX_BYTES, Passcode, WeakPasscode};
use zeroize::Zeroizing;

/// Where the passcode comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The person is asked, on the terminal itself: a pipe on standard input stays free for values.
    Prompt,
    /// The first line of a file that nobody else can read.
    File(PathBuf),
    /// The first line of what this descriptor leads to: a pipe or a file that the caller opened.
    Descriptor(u32),
}

/// Why there is no passcode.
#[derive(Debug, thiserror::Error)]
pub enum NoPasscode {
    /// Nobody can be asked.
    #[error("there is no terminal to ask for the passcode")]
    NoTerminal,
    /// Somebody was asked, and ended the input.
    #[error("no passcode was given")]
    NotGiven,
    /// The file cannot be read, or others can.
    #[error(transparent)]
    File(#[from] FileError),
    /// The descriptor cannot be read.
    #[error("cannot read the passcode from descriptor {number}: {source}")]
    Descriptor {
        /// Its number.
        number: u32,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The first line has nothing in it.
    #[error("the passcode is empty")]
    Empty,
    /// Bytes that are no text.
    #[error("the passcode is not text in UTF-8")]
    NotText,
    /// One that was chosen now does not keep the rule.
    #[error(transparent)]
    Weak(#[from] WeakPasscode),
}

impl Source {
    /// Out of the two options that both programs have; a prompt where neither was given.
    pub fn of_options(file: Option<PathBuf>, descriptor: Option<u32>) -> Self {
        match (file, descriptor) {
            (Some(path), _) => Self::File(path),
            (None, Some(number)) => Self::Descriptor(number),
            (None, None) => Self::Prompt,
        }
    }

    /// Reads the passcode, as it was once chosen.
    pub fn read(&self) -> Result<Zeroizing<String>, NoPasscode> {
        match self {
            Self::Prompt => prompt("Passcode: "),
            Self::File(path) => from_file(path),
            Self::Descriptor(number) => from_descriptor(*number),
        }
    }

    /// Reads a passcode that is chosen now: it keeps the rule, and a prompt asks twice. `show` tells the person why they are
    /// asked again.
    pub fn choose(&self, show: impl Fn(&str)) -> Result<Passcode, NoPasscode> {
        match self {
            Self::Prompt => loop {
                let first = prompt("Choose a passcode: ")?;
                let second = prompt("The same again: ")?;
                if first != second {
                    show("they differ: once more, please");
                    continue;
                }
                match Passcode::new(first) {
                    Ok(passcode) => return Ok(passcode),
                    Err(weak) => show(&weak.to_string()),
                }
            },
            other => Ok(Passcode::new(other.read()?)?),
        }
    }

    /// Whether trying again can bring another passcode.
    pub fn can_ask_again(&self) -> bool {
        *self == Self::Prompt
    }
}

fn prompt(words: &str) -> Result<Zeroizing<String>, NoPasscode> {
    if !std::io::stderr().is_terminal() && !std::io::stdin().is_terminal() {
        return Err(NoPasscode::NoTerminal);
    }
    match rpassword::prompt_password(words) {
        Ok(passcode) => Ok(Zeroizing::new(passcode)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(NoPasscode::NotGiven),
        Err(_) => Err(NoPasscode::NoTerminal),
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, NoPasscode> {
    first_line(&read_secret(path, MAX_BYTES as u64 + 2)?)
}

fn from_descriptor(number: u32) -> Result<Zeroizing<String>, NoPasscode> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    // Opening the name of a descriptor needs no unsafe code, unlike adopting its number.
    std::fs::File::open(format!("/dev/fd/{number}"))
        .and_then(|file| file.take(MAX_BYTES as u64 + 2).read_to_end(&mut bytes))
        .map_err(|source| NoPasscode::Descriptor { number, source })?;
    first_line(&bytes)
}

fn first_line(bytes: &[u8]) -> Result<Zeroizing<String>, NoPasscode> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err(NoPasscode::Empty),
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => Err(NoPasscode::NotText),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_line_of_a_private_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passcode");
        std::fs::write(&path, "Corr3ct horse!\r\nnotes\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(*Source::File(path.clone()).read().unwrap(), "Corr3ct horse!");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Source::File(path).read().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_descriptor_is_read_once() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"Corr3ct horse!").unwrap();
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        assert_eq!(*Source::Descriptor(number).read().unwrap(), "Corr3ct horse!");
    }

    #[test]
    fn a_weak_one_is_refused_with_the_rule() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"password\n").unwrap();
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        let refused = Source::Descriptor(number).choose(|_| ()).unwrap_err().to_string();
        assert!(refused.starts_with("the passcode is too weak; it lacks"), "{refused}");
    }
}
