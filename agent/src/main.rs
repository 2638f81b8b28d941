//! The device program. Everything that it does is in the library, so that tests can do it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(streembit_agent::cli::main().code())
}
