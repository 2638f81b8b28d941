//! The component's side of the WIT package. Nothing here is for plugins to call: [`crate::plugin`] does.

use std::cell::RefCell;
use std::thread::LocalKey;
use std::time::Duration;

use crate::{Completion, Error, Event, Invocation, IoError, Plugin, Source, Value};

/// What `wit-bindgen` makes of the package.
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "device",
        pub_export_macro: true,
        default_bindings_module: "streembit_plugin_sdk::wasm::bindings",
    });
}

pub use bindings::exports::streembit::plugin::guest;
use bindings::streembit::plugin::types;

type Slot<P> = LocalKey<RefCell<Option<P>>>;

/// Exports the functions of the package for the plugin in this slot.
#[macro_export]
#[doc(hidden)]
macro_rules! __export {
    ($slot:ident) => {
        struct Exported;

        impl $crate::wasm::guest::Guest for Exported {
            fn init(config: String) -> Result<(), $crate::wasm::guest::PluginError> {
                $crate::wasm::init(&$slot, &config)
            }
            fn read_property(name: String) -> Result<String, $crate::wasm::guest::PluginError> {
                $crate::wasm::read_property(&$slot, &name)
            }
            fn write_property(name: String, value: String) -> Result<(), $crate::wasm::guest::PluginError> {
                $crate::wasm::write_property(&$slot, &name, &value)
            }
            fn invoke_action(
                name: String,
                input: Option<String>,
                call: $crate::wasm::guest::Invocation,
            ) -> Result<$crate::wasm::guest::Completion, $crate::wasm::guest::PluginError> {
                $crate::wasm::invoke_action(&$slot, &name, input.as_deref(), call)
            }
            fn handle(event: $crate::wasm::guest::Event) -> Result<(), $crate::wasm::guest::PluginError> {
                $crate::wasm::handle(&$slot, event)
            }
            fn shutdown() {
                $crate::wasm::shutdown(&$slot)
            }
        }

        $crate::wasm::bindings::export!(Exported with_types_in $crate::wasm::bindings);
    };
}

/// Makes the plugin.
pub fn init<P: Plugin>(slot: &'static Slot<P>, config: &str) -> Result<(), types::PluginError> {
    // No settings are an empty object, which a plugin without any takes for its `()`.
    let config = serde_json::from_str(config)
        .or_else(
            |error| if config == "{}" { serde_json::from_str("null").map_err(|_| error) } else { Err(error) },
        )
        .map_err(|error| types::PluginError::InvalidValue(format!("the settings do not fit: {error}")))?;
    let plugin = P::start(config)?;
    slot.set(Some(plugin));
    Ok(())
}

/// Calls a method of the plugin. The host calls nothing before `init`.
fn with<P: Plugin, T>(
    slot: &'static Slot<P>,
    call: impl FnOnce(&mut P) -> Result<T, Error>,
) -> Result<T, types::PluginError> {
    slot.with_borrow_mut(|plugin| match plugin {
        Some(plugin) => call(plugin).map_err(types::PluginError::from),
        None => Err(types::PluginError::Failed("the plugin was not started".to_owned())),
    })
}

/// Reads a property.
pub fn read_property<P: Plugin>(slot: &'static Slot<P>, name: &str) -> Result<String, types::PluginError> {
    Ok(with(slot, |plugin| plugin.read_property(name))?.to_string())
}

/// Writes a property.
pub fn write_property<P: Plugin>(
    slot: &'static Slot<P>,
    name: &str,
    value: &str,
) -> Result<(), types::PluginError> {
    let value = parse(value)?;
    with(slot, |plugin| plugin.write_property(name, value))
}

/// Invokes an action.
pub fn invoke_action<P: Plugin>(
    slot: &'static Slot<P>,
    name: &str,
    input: Option<&str>,
    call: guest::Invocation,
) -> Result<guest::Completion, types::PluginError> {
    let input = input.map(parse).transpose()?;
    let call = Invocation { id: call.id, deadline: Duration::from_millis(call.deadline_ms.into()) };
    Ok(match with(slot, |plugin| plugin.invoke_action(name, input, call))? {
        Completion::Done(output) => guest::Completion::Done(output.map(|value| value.to_string())),
        Completion::Pending => guest::Completion::Pending,
    })
}

/// Hands over an event.
pub fn handle<P: Plugin>(slot: &'static Slot<P>, event: guest::Event) -> Result<(), types::PluginError> {
    let event = match event {
        guest::Event::TimerTick(source) => Event::Tick(Source(source)),
        guest::Event::GpioEdge((source, edge)) => Event::Edge {
            source: Source(source),
            active: edge.active,
            at: Duration::from_micros(edge.uptime_us),
            coalesced: edge.coalesced,
        },
        guest::Event::Lost(count) => Event::Lost(count),
        guest::Event::CancelAction(id) => Event::CancelAction(id),
    };
    with(slot, |plugin| plugin.handle(event))
}

/// Ends the plugin.
pub fn shutdown<P: Plugin>(slot: &'static Slot<P>) {
    if let Some(mut plugin) = slot.take() {
        plugin.stop();
    }
}

fn parse(json: &str) -> Result<Value, types::PluginError> {
    serde_json::from_str(json).map_err(|error| types::PluginError::InvalidValue(error.to_string()))
}

impl From<types::IoError> for IoError {
    fn from(error: types::IoError) -> Self {
        match error {
            types::IoError::Denied(what) => Self::Denied(what),
            types::IoError::Unsupported(what) => Self::Unsupported(what),
            types::IoError::Quota(what) => Self::Quota(what),
            types::IoError::Timeout => Self::Timeout,
            types::IoError::Disconnected => Self::Disconnected,
            types::IoError::Fault(what) => Self::Fault(what),
        }
    }
}

impl From<Error> for types::PluginError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownAffordance => Self::UnknownAffordance,
            Error::InvalidValue(why) => Self::InvalidValue(why),
            Error::Busy => Self::Busy,
            Error::Timeout => Self::Timeout,
            Error::Io(error) => Self::Io(match error {
                IoError::Denied(what) => types::IoError::Denied(what),
                IoError::Unsupported(what) => types::IoError::Unsupported(what),
                IoError::Quota(what) => types::IoError::Quota(what),
                IoError::Timeout => types::IoError::Timeout,
                IoError::Disconnected => types::IoError::Disconnected,
                IoError::Fault(what) => types::IoError::Fault(what),
            }),
            Error::Failed(why) => Self::Failed(why),
        }
    }
}
