//! The WIT package as Rust, made when this crate is compiled.
#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../plugin-api/wit",
    world: "device",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "streembit:plugin/gpio.digital-in": crate::bindings::InputHandle,
        "streembit:plugin/gpio.digital-out": crate::bindings::OutputHandle,
    },
});

pub(crate) use exports::streembit::plugin::guest;
pub(crate) use streembit::plugin::{gpio, log, state, thing, timer, types};

/// An input that a plugin opened; its number is the agent's handle.
pub struct InputHandle;

/// An output that a plugin opened; its number is the agent's handle.
pub struct OutputHandle;
