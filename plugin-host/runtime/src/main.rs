//! `streembit-plugin-host`: runs the plugins of one isolation group.
//!
//! The agent starts it with a socket as standard input and nothing else. It makes its engine and its run time, shuts
//! the door behind itself ([`lockdown`]: no file, socket, process or signal from then on) and only then says
//! `Ready`. Compiled code arrives as sealed memory files ([`code`]), each instance is a task with a store of its own
//! ([`instance`]), and what a plugin asks for is asked of the agent ([`asks`], [`imports`]). When the socket
//! closes, the process ends.

mod asks;
mod bindings;
mod budget;
mod code;
mod imports;
mod instance;
mod limits;
mod lockdown;
mod outbox;
mod server;
mod ticker;
mod timers;
mod wasi;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    limits::apply().context("the limits of the process could not be set")?;
    let engine = streembit_plugin_engine::engine()?;
    let ticker = ticker::Ticker::start(engine.clone()).context("the ticker could not be started")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // A spinning plugin yields every tick. Looking at the socket and the timers each time keeps the others' calls
        // from waiting for its end.
        .event_interval(1)
        .build()?;
    runtime.block_on(async {
        // The first look at a clock asks the kernel where its shared page is, which the lockdown forbids.
        let _ = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let socket = server::socket().context("standard input is not the agent's socket")?;
        lockdown::apply().context("the process could not be locked down")?;
        server::run(engine, ticker, socket).await
    })
}
