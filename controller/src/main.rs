//! `streembit`, the program of a person.

use std::process::ExitCode;

use clap::Parser as _;
use streembit_controller::cli::Cli;
use streembit_controller::error::{Exit, Failure};
use streembit_controller::output::Output;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("STREEMBIT_LOG").unwrap_or_else(|_| "error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    let output = Output::of_process(cli.global.json);
    // A person's command waits more than it computes; two threads keep a slow disk away from the network.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(cli.run(output));
            // A prompt that nobody answers must not keep the program from ending.
            runtime.shutdown_background();
            outcome
        }
        Err(e) => Err(Failure::because(format!("Cannot start: {e}."))),
    };
    match outcome {
        Ok(()) => ExitCode::from(Exit::Ok.code()),
        Err(failure) => {
            if failure.exit != Exit::Ok {
                output.failure(&failure);
            }
            ExitCode::from(failure.exit.code())
        }
    }
}
