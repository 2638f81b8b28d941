//! The command line's side of the socket. It blocks: a command asks once and prints.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use streembit_peer::exit::Exit;

use super::{Call, Failure, MAX_ANSWER};
use crate::identity::DataFolder;

/// How long an answer may take. Checking a journal of a million entries is the longest that is asked.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to the agent that runs on a data folder.
#[derive(Debug)]
pub struct Client(BufReader<UnixStream>);

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(Value),
    Error(Failure),
}

impl Client {
    /// Connects. Where no agent runs, the failure says how to start one.
    pub fn connect(data: &DataFolder) -> Result<Self, Failure> {
        let path = data.control_socket();
        let stream = UnixStream::connect(&path).map_err(|error| no_agent(data, &error))?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(Failure::failed)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, call: &Call) -> Result<Value, Failure> {
        let mut line = serde_json::to_vec(call).map_err(Failure::failed)?;
        line.push(b'\n');
        self.0.get_mut().write_all(&line).map_err(|error| lost(&error))?;
        let mut answer = Vec::new();
        let mut bounded = (&mut self.0).take(MAX_ANSWER as u64 + 1);
        bounded.read_until(b'\n', &mut answer).map_err(|error| lost(&error))?;
        if answer.last() != Some(&b'\n') {
            return Err(lost(&io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_slice(&answer) {
            Ok(Answer::Ok(value)) => Ok(value),
            Ok(Answer::Error(failure)) => Err(failure),
            Err(error) => Err(Failure::failed(format!("the agent's answer is not understood: {error}"))
                .or("The program may be older or newer than the running agent: restart the agent.")),
        }
    }
}

fn no_agent(data: &DataFolder, error: &io::Error) -> Failure {
    let shown = data.path().display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Failure::refused(format!("the agent in {shown} is another user's"))
                .or("Run this as the agent's user, such as with `sudo`.")
        }
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused if !data.is_initialised() => {
            Failure::new(Exit::Unreachable, format!("there is no device in {shown}")).or(format!(
                "Make one with `streembit-agent --data {shown} init`, or name another folder with --data."
            ))
        }
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Failure::new(Exit::Unreachable, format!("no agent runs on {shown}")).or(format!(
                "Start it with `systemctl start streembit-agent`, or `streembit-agent --data {shown} run`."
            ))
        }
        _ => Failure::new(Exit::Unreachable, format!("the agent in {shown} cannot be reached: {error}")),
    }
}

fn lost(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Failure::new(Exit::TimedOut, "the agent did not answer in time")
                .or("Look at its log: `journalctl -u streembit-agent`.")
        }
        // It may have done what was asked before it went away.
        _ => Failure::new(Exit::OutcomeUnknown, format!("the agent went away without an answer: {error}"))
            .or("Look whether it was done before you ask again: `streembit-agent status`."),
    }
}
