//! Keeps one instance running.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streembit_plugin_api::Name;
use streembit_plugin_host::boundary::Limits;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::component::Component;
use super::ends::End;
use super::group::Group;
use super::process::{Process, Started};
use super::serve::Served;
use super::store::Store;
use super::thing::{PluginThing, Running};
use super::{Setup, cache};
use crate::hardware::Binding;
use crate::liveness::Beat;

/// Pause before the first restart; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause: a plugin that always fails costs a start a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An instance that ran this long was well: the next pause is the first again.
const WELL: Duration = Duration::from_secs(60);

/// How long an instance may take for its `shutdown`.
const STOP: Duration = Duration::from_secs(2);

/// What is run.
pub(super) struct Plan {
    pub(super) component: Component,
    pub(super) grants: BTreeMap<Name, Binding>,
    pub(super) settings: String,
}

pub(super) struct Supervisor {
    setup: Arc<Setup>,
    group: Arc<Group>,
    thing: Arc<PluginThing>,
    plan: Plan,
    store: Arc<Mutex<Store>>,
}

impl Supervisor {
    pub(super) fn new(setup: Arc<Setup>, group: Arc<Group>, thing: Arc<PluginThing>, plan: Plan) -> Self {
        let store = Store::new(setup.folder.join("state").join(thing.name().as_str()));
        Self { setup, group, thing, plan, store: Arc::new(Mutex::new(store)) }
    }

    /// Runs until it is told to stop. `tried` is told after the first try, well or badly.
    /// `beat` is asked whether it comes round.
    pub(super) async fn run(self, stop: CancellationToken, tried: oneshot::Sender<()>, mut beat: Beat) {
        let mut tried = Some(tried);
        let mut pause = FIRST_PAUSE;
        // Kept over the pauses, so that a plugin that ended does not take the group's process with it.
        let mut _process = None;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            // Compiling may take minutes on a small board; each step of a start has a bound of its own.
            let end = match beat.during(self.start(&stop)).await {
                Ok((running, started)) => {
                    drop(tried.take());
                    _process = Some(Arc::clone(&running.process));
                    self.watch(running, started, &stop, &mut beat).await
                }
                Err(end) => end,
            };
            if stop.is_cancelled() {
                break;
            }
            self.thing.ends().add(&end);
            let reason = end.why;
            if begun.elapsed() >= WELL {
                pause = FIRST_PAUSE;
            }
            let plugin = self.thing.name();
            tracing::warn!(%plugin, reason, pause_ms = pause.as_millis(), "a plugin ended and will be started again");
            self.thing.set_down(reason);
            drop(tried.take());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
                never = beat.answer() => match never {},
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.thing.set_down("stopped".to_owned());
    }

    /// A new instance in the group's process, or why there is none. Nothing is waited for once it is to stop.
    async fn start(&self, stop: &CancellationToken) -> Result<(Running, Started), End> {
        let stopped = || Err(End::not_started("it was to stop".to_owned()));
        let (process, code) = stop.run_until_cancelled(self.prepare()).await.unwrap_or_else(stopped)?;
        let served = Arc::new(Served::new(
            self.thing.name().clone(),
            crate::things::Thing::model(&*self.thing).clone(),
            self.plan.grants.clone(),
            Arc::clone(&self.setup.hardware),
            self.thing.sender(),
            Arc::clone(&self.store),
        ));
        let limits = Limits::from(&self.plan.component.manifest.limits);
        let settings = self.plan.settings.clone();
        let started = process.start_instance(code, limits, settings, Arc::clone(&served));
        match stop.run_until_cancelled(started).await.flatten() {
            Some(Ok(started)) => {
                let deadline = self.plan.component.manifest.limits.deadline;
                let running = Running { process, instance: started.instance, served, deadline };
                self.thing.set_running(running.clone());
                Ok((running, started))
            }
            Some(Err(reason)) => {
                PluginThing::ended(&served);
                Err(End::of(&reason))
            }
            None => {
                PluginThing::ended(&served);
                Err(End::of_host(process.why_ended()))
            }
        }
    }

    /// The group's process with the component's code in it.
    async fn prepare(&self) -> Result<(Arc<Process>, u32), End> {
        let process = self.group.process().await.map_err(|error| End::not_started(error.to_string()))?;
        let code = match process.loaded(&self.plan.component.hash) {
            Some(code) => code,
            None => self.load(&process).await.map_err(End::not_started)?,
        };
        Ok((process, code))
    }

    async fn load(&self, process: &Process) -> Result<u32, String> {
        let file = cache::code(&self.setup, &self.plan.component).await.map_err(|error| error.to_string())?;
        let loaded = process.load(self.plan.component.hash, &file).await;
        if loaded.is_err() {
            // Signed by us, and yet the engine does not take it: whatever it is, it is not worth keeping.
            cache::forget(&self.setup, &self.plan.component);
        }
        loaded
    }

    /// Waits for the end of an instance and cleans up behind it.
    async fn watch(
        &self,
        running: Running,
        mut started: Started,
        stop: &CancellationToken,
        beat: &mut Beat,
    ) -> End {
        let ended = tokio::select! {
            ended = &mut started.ended => ended,
            never = beat.answer() => match never {},
            () = stop.cancelled() => {
                running.process.stop(running.instance);
                match tokio::time::timeout(STOP, &mut started.ended).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(streembit_plugin_host::boundary::Ended::Deadline),
                }
            }
        };
        self.thing.set_down("ended".to_owned());
        PluginThing::ended(&running.served);
        ended.map_or_else(|_| End::of_host(running.process.why_ended()), |ended| End::of(&ended))
    }
}
