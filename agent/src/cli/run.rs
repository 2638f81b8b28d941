//! `streembit-agent run`

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::journal::credentials;
use super::{Context, Found};
use crate::clock::Clock;
use crate::config::{Config, Watcher};
use crate::control::{self, Failure};
use crate::daemon::{Daemon, Liveness, Setup};
use crate::identity::{DataFolder, Identity, credential, finish_reset};
use crate::liveness::{Part, Pulse, pulse};
use crate::things::Things;

mod journald;
mod log;
mod notify;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It runs until SIGTERM or Ctrl-C, and reads the config file again when it changes or on SIGHUP.
STREEMBIT_LOG says what it logs: error, warn, info, debug, or a filter such as streembit_agent=debug.")]
pub(super) struct Args {
    /// Write a line to this open file descriptor (a pipe) once the device answers
    #[arg(long, value_name = "FD")]
    ready_fd: Option<u32>,

    /// Forget which times were trusted before: once, after the clock was ahead and has been set right
    #[arg(long)]
    forget_time: bool,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    log::start();
    let data = &context.data;
    if !data.path().exists() {
        return Err(crate::identity::IdentityError::NotInitialised(data.path().to_owned()).into());
    }
    refuse_to_run_as_root(data)?;
    let lock = data.lock()?;
    if let Some((begun, key)) = finish_reset(data, &lock, &mut streembit_keys::rng::system())? {
        tracing::warn!(device = %key.thumbprint(), "{begun} was interrupted: this is a new device now, and nobody's");
        if credential(credentials().as_deref()).is_some() {
            // systemd read it before, so it is the old one.
            return Err(
                Failure::failed("the account's key is a new one since now").or("Start the service again.")
            );
        }
    }
    let identity = Identity::load(data, credentials().as_deref())?;
    let config = Config::load(data.config()).map_err(|error| {
        Failure::invalid(error).or("Mend the line; `streembit-agent config check` looks at it again.")
    })?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(run(context, args, identity, config))?;
    // Whatever still blocks a thread must not keep the program.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    drop(lock);
    Ok(Found::new(&json!({ "stopped": true }), ""))
}

/// What root wrote into another user's folder, the service could not open afterwards.
fn refuse_to_run_as_root(data: &DataFolder) -> Result<(), Failure> {
    let own = rustix::process::geteuid();
    let folder = std::fs::metadata(data.path()).map_err(Failure::failed)?.uid();
    if own.is_root() && folder != 0 {
        return Err(Failure::refused(format!(
            "{} belongs to user {folder}, and its device must not run as root",
            data.path().display()
        ))
        .or("Start the service, `systemctl start streembit-agent`, or run it as that user with `sudo -u`."));
    }
    Ok(())
}

async fn run(context: &Context, args: &Args, identity: Identity, config: Config) -> Result<(), Failure> {
    let data = &context.data;
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::new().map_err(Failure::failed)?;
    let control = control::bind(&data.control_socket()).map_err(|error| {
        Failure::failed(format!("the control socket {}: {error}", data.control_socket().display()))
            .or("A socket's path has at most 107 bytes: a data folder with a shorter path helps.")
    })?;
    let metrics = control::bind(&data.metrics_socket()).map_err(|error| {
        Failure::failed(format!("the socket for metrics {}: {error}", data.metrics_socket().display()))
    })?;
    let daemon = Daemon::start(Setup {
        account: identity.account,
        lan: identity.lan,
        factory: identity.factory,
        journal: data.state(),
        plugins: data.plugins(),
        clock: Arc::new(Clock::system()),
        config,
        watcher: Some(Watcher::new(data.config())),
        control,
        metrics: Some(metrics),
        things: Arc::new(Things::default()),
    })
    .await
    .map_err(Failure::failed)?;

    if args.forget_time {
        daemon.device().clock().forget_floor();
        daemon.device().journal().forget_floor().await.map_err(Failure::failed)?;
    }
    notify::ready(args.ready_fd)?;
    let (main, mut beat) = pulse();
    let watchdog = watchdog(daemon.liveness(), main);
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => daemon.reload(),
                Signal::Stop => break,
            },
            never = beat.answer() => match never {},
        }
    }
    notify::stopping();
    if let Some(watchdog) = watchdog {
        watchdog.abort();
    }
    // A second signal ends the program at once: somebody does not want to wait.
    tokio::select! {
        () = daemon.stop() => {}
        () = signals.stop() => tracing::warn!("stopped at once, on a second signal"),
    }
    for socket in [data.control_socket(), data.metrics_socket()] {
        let _ = std::fs::remove_file(socket);
    }
    Ok(())
}

/// Feeds systemd's watchdog, where it wants one, while this task and every part of the device make progress.
fn watchdog(device: Liveness, main: Pulse) -> Option<tokio::task::JoinHandle<()>> {
    let watchdog = notify::Watchdog::of_environment()?;
    let parts = move || {
        let mut parts = device.parts();
        parts.push(Part::of_pulse("signals", main.clone(), None));
        parts
    };
    Some(tokio::spawn(async move { watchdog.feed(parts, notify::alive).await }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Reload,
    Stop,
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}
