//! One plugin instance: a task with a store of its own, which lives until its first trap or timeout.
//!
//! A component that trapped in the middle of a call may have broken its own state, so its store is thrown away; the
//! agent decides whether and when a new one is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use streembit_plugin_api::MAX_VALUE;
use streembit_plugin_host::boundary::{Call, CallFault, Ended, Event, FromHost, Limits, Returned};
use tokio::sync::{Notify, mpsc};
use wasmtime::{Engine, Store, StoreLimitsBuilder};

use crate::asks::Asks;
use crate::bindings::{Device, DevicePre, guest};
use crate::budget::Budget;
use crate::imports::Plugin;
use crate::outbox::Outbox;
use crate::ticker::Ticker;

/// Calls that wait for an instance at most. One takes microseconds; whoever comes after so many is told to come back.
const MAX_CALLS: usize = 64;

/// Events that wait at most. The plugin is told how many were dropped.
const MAX_EVENTS: usize = 64;

/// Table elements, core instances, memories and tables of one component: generous for any compiler's output.
const MAX_TABLE: usize = 100_000;
const MAX_PARTS: usize = 64;

/// The way to a running instance.
pub(crate) struct Mailbox {
    calls: mpsc::Sender<(u64, Call)>,
    events: mpsc::Sender<Event>,
    lost: Arc<AtomicU32>,
    stop: Arc<Notify>,
}

impl Mailbox {
    /// Queues a call; `false` where too many wait.
    pub(crate) fn call(&self, id: u64, call: Call) -> Result<(), CallFault> {
        self.calls.try_send((id, call)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CallFault::Busy,
            mpsc::error::TrySendError::Closed(_) => CallFault::NotStarted,
        })
    }

    pub(crate) fn happened(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }
}

/// What every instance of this process shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) asks: Asks,
    pub(crate) outbox: Arc<Outbox>,
}

/// Starts the task of an instance. `ended` is called when it is over, before the agent is told.
pub(crate) fn spawn(
    shared: Shared,
    instance: u32,
    code: DevicePre<Plugin>,
    limits: Limits,
    config: String,
    ended: impl FnOnce() + Send + 'static,
) -> Mailbox {
    let (calls, mut queue) = mpsc::channel(MAX_CALLS);
    let (events, happened) = mpsc::channel(MAX_EVENTS);
    let (lost, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let mailbox = Mailbox { calls, events, lost: Arc::clone(&lost), stop: Arc::clone(&stop) };
    tokio::spawn(async move {
        let outbox = Arc::clone(&shared.outbox);
        let reason = match Running::start(shared, instance, &code, limits, config).await {
            Ok(mut running) => {
                outbox.send(&FromHost::Started { instance, result: Ok(()) });
                let sources = Sources { happened, lost };
                running.run(&mut queue, sources, &stop, &outbox).await
            }
            Err(reason) => {
                ended();
                return outbox.send(&FromHost::Started { instance, result: Err(reason) });
            }
        };
        // No call may be queued behind this point, and none that is queued stays without an answer.
        ended();
        queue.close();
        while let Some((id, _)) = queue.recv().await {
            outbox.send(&FromHost::Returned { id, result: Err(CallFault::NotStarted) });
        }
        outbox.send(&FromHost::Ended { instance, reason });
    });
    mailbox
}

/// Where events come from.
struct Sources {
    happened: mpsc::Receiver<Event>,
    lost: Arc<AtomicU32>,
}

struct Running {
    store: Store<Plugin>,
    device: Device,
    ticker: Ticker,
    deadline: Duration,
}

impl Running {
    async fn start(
        shared: Shared,
        instance: u32,
        code: &DevicePre<Plugin>,
        limits: Limits,
        config: String,
    ) -> Result<Self, Ended> {
        let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
        let store_limits = StoreLimitsBuilder::new()
            .memory_size(memory)
            .table_elements(MAX_TABLE)
            .instances(MAX_PARTS)
            .memories(MAX_PARTS)
            .tables(MAX_PARTS)
            .build();
        let limited = (store_limits, Budget::new(limits.cpu_ms), limits.host_calls_per_second);
        let plugin = Plugin::new(instance, shared.asks, shared.outbox, limited);
        let mut store = Store::new(&shared.engine, plugin);
        store.limiter(|plugin| &mut plugin.limits);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().budget.tick()));
        let deadline = Duration::from_millis(limits.deadline_ms.into());
        let ticker = shared.ticker;
        let device = {
            let _running = ticker.run();
            store.set_epoch_deadline(1);
            let instantiated = tokio::time::timeout(deadline, code.instantiate_async(&mut store)).await;
            match instantiated {
                Ok(Ok(device)) => device,
                // A start function may spin as well; everything else is a component that does not fit.
                Ok(Err(_)) if store.data().budget.is_spent() => return Err(Ended::CpuBudget),
                Ok(Err(error)) => return Err(Ended::Unfit { what: first_line(&error) }),
                Err(_) => return Err(Ended::Deadline),
            }
        };
        let mut running = Self { store, device, ticker, deadline };
        let init = running.within(async |device, store| device.call_init(store, &config).await);
        match init.await? {
            Ok(()) => Ok(running),
            Err(error) => Err(Ended::Refused { error: error.into() }),
        }
    }

    /// Calls and events in turn, until the instance ends.
    async fn run(
        &mut self,
        queue: &mut mpsc::Receiver<(u64, Call)>,
        mut sources: Sources,
        stop: &Notify,
        outbox: &Outbox,
    ) -> Ended {
        loop {
            let lost = sources.lost.swap(0, Ordering::Relaxed);
            let event = if lost > 0 {
                guest::Event::Lost(lost)
            } else {
                tokio::select! {
                    () = stop.notified() => break,
                    Some((id, call)) = queue.recv() => {
                        let (result, end) = match self.call(call).await {
                            Ok(result) => (result, None),
                            Err(reason) => (Err(CallFault::Ended { reason: reason.clone() }), Some(reason)),
                        };
                        outbox.send(&FromHost::Returned { id, result });
                        match end {
                            Some(reason) => return reason,
                            None => continue,
                        }
                    }
                    Some(event) = sources.happened.recv() => to_guest(event),
                    source = self.store.data_mut().timers.tick() => guest::Event::TimerTick(source),
                }
            };
            let handled = self.within(async |device, store| device.call_handle(store, event).await).await;
            // An error of `handle` concerns nobody who waits: the plugin logs what it has to say.
            if let Err(reason) = handled {
                return reason;
            }
        }
        let _ = self.within(async |device, store| device.call_shutdown(store).await).await;
        Ended::Stopped
    }

    /// One call; `Err` when the instance has ended by it.
    async fn call(&mut self, call: Call) -> Result<Result<Returned, CallFault>, Ended> {
        let result = match call {
            Call::Read { name } => {
                let read = self.within(async |device, store| device.call_read_property(store, &name).await);
                read.await?.and_then(|json| Ok(Returned::Value { json: checked(json)? }))
            }
            Call::Write { name, value } => {
                let write =
                    self.within(async |device, store| device.call_write_property(store, &name, &value).await);
                write.await?.map(|()| Returned::Written)
            }
            Call::Invoke { name, input, invocation, deadline_ms } => {
                let call = guest::Invocation { id: invocation, deadline_ms };
                let invoke = self.within(async |device, store| {
                    device.call_invoke_action(store, &name, input.as_ref(), call).await
                });
                match invoke.await? {
                    Ok(guest::Completion::Done(Some(json))) => {
                        checked(json).map(|json| Returned::Done { output: Some(json) })
                    }
                    Ok(guest::Completion::Done(None)) => Ok(Returned::Done { output: None }),
                    Ok(guest::Completion::Pending) => Ok(Returned::Pending),
                    Err(error) => Err(error),
                }
            }
        };
        Ok(result.map_err(|error| CallFault::Plugin { error: error.into() }))
    }

    /// Runs one call of an export within its limits.
    async fn within<T>(
        &mut self,
        call: impl AsyncFnOnce(&guest::Guest, &mut Store<Plugin>) -> wasmtime::Result<T>,
    ) -> Result<T, Ended> {
        let _running = self.ticker.run();
        self.store.data_mut().budget.reset();
        self.store.set_epoch_deadline(1);
        let guest = self.device.streembit_plugin_guest();
        match tokio::time::timeout(self.deadline, call(guest, &mut self.store)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) if self.store.data().budget.is_spent() => Err(Ended::CpuBudget),
            Ok(Err(error)) => Err(Ended::Trapped { what: first_line(&error) }),
            Err(_) => Err(Ended::Deadline),
        }
    }
}

fn checked(json: String) -> Result<String, guest::PluginError> {
    if json.len() > MAX_VALUE {
        return Err(guest::PluginError::Failed(format!(
            "the plugin's value is longer than {MAX_VALUE} bytes"
        )));
    }
    Ok(json)
}

fn to_guest(event: Event) -> guest::Event {
    match event {
        Event::GpioEdge { source, active, uptime_us, coalesced } => {
            guest::Event::GpioEdge((source, guest::GpioEdge { active, uptime_us, coalesced }))
        }
        Event::CancelAction { invocation } => guest::Event::CancelAction(invocation),
    }
}

/// The cause of a trap in a few words: the backtrace is for the plugin's author, and not of a fixed size.
fn first_line(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    cause.lines().next().unwrap_or_default().chars().take(200).collect()
}
