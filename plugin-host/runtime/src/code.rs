//! Compiled code: from the agent's memory file to something that can be instantiated.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use streembit_plugin_host::compiled::MAX_CODE;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::{Device, DevicePre};
use crate::imports::Plugin;
use crate::wasi;

/// Reads the code and links it. The text says why it cannot be run.
pub(crate) fn load(engine: &Engine, file: OwnedFd, length: u64) -> Result<DevicePre<Plugin>, String> {
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_CODE);
    let mut bytes = vec![0; length.ok_or("the code is too large")?];
    std::fs::File::from(file).read_exact_at(&mut bytes, 0).map_err(|error| error.to_string())?;
    let component = deserialize(engine, &bytes).map_err(|error| format!("{error:#}"))?;
    drop(bytes);
    link(engine, &component).map_err(|error| format!("{error:#}"))
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the engine must trust these bytes. They came over the agent's socket, and the agent hands out only what a
    // compiler process of its own made and what its own key signed since (`agent/src/plugins/cache.rs`).
    unsafe { Component::deserialize(engine, bytes) }
}

fn link(engine: &Engine, component: &Component) -> wasmtime::Result<DevicePre<Plugin>> {
    let mut linker = Linker::new(engine);
    Device::add_to_linker::<_, HasSelf<_>>(&mut linker, |plugin| plugin)?;
    wasi::add(&mut linker, engine, component)?;
    DevicePre::new(linker.instantiate_pre(component)?)
}
