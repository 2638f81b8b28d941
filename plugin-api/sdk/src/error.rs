use std::fmt;

/// Why a plugin does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No such property or action.
    UnknownAffordance,
    /// The schema allows the value, the plugin does not.
    InvalidValue(String),
    /// Not now.
    Busy,
    /// It took too long.
    Timeout,
    /// The hardware, or a right to it, is missing.
    Io(IoError),
    /// It failed.
    Failed(String),
}

/// Why the host does not do what a plugin asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IoError {
    /// Not in the manifest, or not granted by the owner.
    Denied(String),
    /// Granted as something else.
    Unsupported(String),
    /// Too many, too much or too often.
    Quota(String),
    /// No answer in time.
    Timeout,
    /// The other end is gone.
    Disconnected,
    /// It failed.
    Fault(String),
}

impl From<IoError> for Error {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAffordance => f.write_str("no such affordance"),
            Self::InvalidValue(why) | Self::Failed(why) => f.write_str(why),
            Self::Busy => f.write_str("busy"),
            Self::Timeout => f.write_str("timed out"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(what) => write!(f, "not granted: {what}"),
            Self::Unsupported(what) => write!(f, "unsupported: {what}"),
            Self::Quota(what) => write!(f, "too much: {what}"),
            Self::Timeout => f.write_str("timed out"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::Fault(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
impl std::error::Error for IoError {}
