//! The processors that are packaged for.

use anyhow::{Result, bail};
use clap::ValueEnum;

/// A processor, by Debian's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// PCs and most gateways.
    Amd64,
    /// Raspberry Pi 3 and later with a 64-bit system, and most ARM gateways.
    Arm64,
}

impl Arch {
    /// Each of them.
    pub(crate) const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// That of the machine that runs this.
    pub(crate) fn of_this_machine() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            other => bail!("nothing is packaged for {other}: name another with --arch"),
        }
    }

    /// Whether programs for it run here as they are.
    pub(crate) fn is_native(self) -> bool {
        Self::of_this_machine().is_ok_and(|this| this == self)
    }

    /// What Debian calls it.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// What Rust calls it.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// What GNU calls it: the beginning of its compiler's name, and of its folder below `/usr`.
    pub(crate) fn gnu(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// The emulator that runs its programs elsewhere.
    pub(crate) fn emulator(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-x86_64-static",
            Self::Arm64 => "qemu-aarch64-static",
        }
    }
}
