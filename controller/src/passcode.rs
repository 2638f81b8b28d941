//! Where a passcode comes from: a prompt, a file or a descriptor. Never an argument, which every process on the machine
//! can read, and never the environment, which every child inherits.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use streembit_keys::passcode::{MAX_BYTES, Passcode};
use zeroize::Zeroizing;

use crate::error::{Failure, Outcome};

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

impl Source {
    /// Reads the passcode, as it was once chosen.
    pub fn read(&self) -> Outcome<Zeroizing<String>> {
        match self {
            Source::Prompt => prompt("Passcode: "),
            Source::File(path) => from_file(path),
            Source::Descriptor(number) => from_descriptor(*number),
        }
    }

    /// Reads a passcode that is chosen now: it keeps the rule, and a prompt asks twice.
    pub fn choose(&self) -> Outcome<Passcode> {
        match self {
            Source::Prompt => loop {
                let first = prompt("Choose a passcode: ")?;
                let second = prompt("The same again: ")?;
                if first != second {
                    show("They differ. Once more, please.");
                    continue;
                }
                match Passcode::new(first) {
                    Ok(passcode) => return Ok(passcode),
                    Err(weak) => show(&sentence(&weak)),
                }
            },
            other => Passcode::new(other.read()?).map_err(|weak| Failure::invalid(sentence(&weak))),
        }
    }

    /// Whether trying again can bring another passcode.
    pub fn can_ask_again(&self) -> bool {
        *self == Source::Prompt
    }
}

fn sentence(error: &dyn std::error::Error) -> String {
    format!("{}.", crate::home::capitalised(&error.to_string()))
}

fn show(text: &str) {
    crate::output::note(text);
}

fn prompt(words: &str) -> Outcome<Zeroizing<String>> {
    if !std::io::stderr().is_terminal() && !std::io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    match rpassword::prompt_password(words) {
        Ok(passcode) => Ok(Zeroizing::new(passcode)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Failure::because("No passcode was given."))
        }
        Err(_) => Err(no_terminal()),
    }
}

fn no_terminal() -> Failure {
    Failure::because("The account is locked, and there is no terminal to ask for the passcode.")
        .or("Run `streembit unlock` first, or give `--passcode-file FILE` or `--passcode-fd N`.")
}

fn from_file(path: &Path) -> Outcome<Zeroizing<String>> {
    let bytes = streembit_keys::files::read_secret(path, MAX_BYTES as u64 + 2)
        .map_err(|e| Failure::invalid(format!("{}.", crate::home::capitalised(&e.to_string()))))?;
    first_line(&bytes)
}

fn from_descriptor(number: u32) -> Outcome<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    // Opening the name of a descriptor needs no unsafe code, unlike adopting its number.
    std::fs::File::open(format!("/dev/fd/{number}"))
        .and_then(|file| file.take(MAX_BYTES as u64 + 2).read_to_end(&mut bytes))
        .map_err(|e| Failure::invalid(format!("Cannot read the passcode from descriptor {number}: {e}.")))?;
    first_line(&bytes)
}

fn first_line(bytes: &[u8]) -> Outcome<Zeroizing<String>> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err(Failure::invalid("The passcode is empty.")),
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => Err(Failure::invalid("The passcode is not text in UTF-8.")),
    }
}

#[cfg(test)]
mod tests {
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
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"Corr3ct horse!").unwrap();
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        assert_eq!(*Source::Descriptor(number).read().unwrap(), "Corr3ct horse!");
    }

    #[test]
    fn a_weak_one_is_refused_with_the_rule() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        writer.write_all(b"password\n").unwrap();
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        let failure = Source::Descriptor(number).choose().unwrap_err();
        assert!(failure.message.starts_with("The passcode is too weak; it lacks"), "{failure}");
    }
}
