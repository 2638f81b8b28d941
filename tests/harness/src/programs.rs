//! Where the programs and plugins are.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// The folder of the programs and the folder of the plugins.
#[derive(Debug, Clone)]
pub struct Programs {
    programs: PathBuf,
    plugins: PathBuf,
}

impl Programs {
    /// Programs in one folder and plugins in another.
    pub fn in_folders(programs: PathBuf, plugins: PathBuf) -> Result<Self> {
        for program in ["streembit", "streembit-agent", "streembit-plugin-host", "streembit-plugin-compiler"]
        {
            if !programs.join(program).is_file() {
                bail!("{} has no {program}", programs.display());
            }
        }
        Ok(Self { programs, plugins })
    }

    /// What `cargo xtask test` has built and names in the environment.
    pub fn of_the_test_run() -> Result<Self> {
        Self::in_folders(from_environment("STREEMBIT_PROGRAMS")?, from_environment("STREEMBIT_PLUGINS")?)
    }

    /// The file of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The file of a plugin's component.
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.plugins.join(format!("{name}.wasm"))
    }
}

fn from_environment(variable: &str) -> Result<PathBuf> {
    let folder = std::env::var_os(variable);
    folder
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set: run the tests with `cargo xtask test`"))
}
