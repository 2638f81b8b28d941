//! The parts of WASI 0.2 that a Rust or C program imports for its run time, in a form that gives nothing away.
//!
//! Clocks tell the time, random numbers are random, standard output and error go to the log; there are no arguments,
//! variables, files or sockets. Whatever else such a component imports is there, so that it links, and traps when it
//! is called. Definitions are made for the names that the component has, so that every 0.2 version fits.

use streembit_plugin_host::boundary::Level;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{Engine, Result, StoreContextMut, bail};

use crate::imports::Plugin;

/// Every WASI resource: none of them holds anything.
struct Nothing;

/// Random bytes for one call at most. A run time asks for some tens, to seed its hash tables.
const MAX_RANDOM: u64 = 64 << 10;

/// What a stream says that it takes at once.
const STREAM_PERMIT: u64 = 4096;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Nothing>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Defines every `wasi:` import of the component.
pub(crate) fn add(linker: &mut Linker<Plugin>, engine: &Engine, component: &Component) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        let (true, ComponentItem::ComponentInstance(interface)) = (name.starts_with("wasi:"), import.ty)
        else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (member, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    instance.resource(member, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let interface = name.split_once('@').map_or(name, |(interface, _)| interface);
                    if !define(&mut instance, interface, member)? {
                        let called = format!("{interface}#{member}");
                        instance
                            .func_new(member, move |_, _, _, _| bail!("a plugin may not call {called}"))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Defines a function that does something; `false` where it is none of those.
fn define(instance: &mut LinkerInstance<'_, Plugin>, interface: &str, name: &str) -> Result<bool> {
    match (interface, name) {
        ("wasi:cli/environment", "get-environment") => {
            instance.func_wrap(name, |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
        }
        ("wasi:cli/environment", "get-arguments") => {
            instance.func_wrap(name, |_, ()| Ok((Vec::<String>::new(),)))?;
        }
        ("wasi:cli/environment", "initial-cwd") => {
            instance.func_wrap(name, |_, ()| Ok((None::<String>,)))?;
        }
        ("wasi:cli/exit", "exit") => {
            instance.func_wrap(name, |_, (_,): (std::result::Result<(), ()>,)| -> Result<()> {
                bail!("the plugin called exit")
            })?;
        }
        ("wasi:cli/stdin", "get-stdin")
        | ("wasi:cli/stdout", "get-stdout")
        | ("wasi:cli/stderr", "get-stderr") => {
            instance.func_wrap(name, |_, ()| Ok((Resource::<Nothing>::new_own(0),)))?;
        }
        (_, "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr") => {
            instance.func_wrap(name, |_, ()| Ok((None::<Resource<Nothing>>,)))?;
        }
        ("wasi:filesystem/preopens", "get-directories") => {
            instance.func_wrap(name, |_, ()| Ok((Vec::<(Resource<Nothing>, String)>::new(),)))?;
        }
        ("wasi:io/streams", _) => return define_stream(instance, name),
        ("wasi:clocks/monotonic-clock", "now") => {
            instance.func_wrap(name, |_, ()| Ok((monotonic_nanos(),)))?;
        }
        ("wasi:clocks/monotonic-clock", "resolution") => {
            instance.func_wrap(name, |_, ()| Ok((1u64,)))?;
        }
        ("wasi:clocks/wall-clock", "now") => {
            instance.func_wrap(name, |_, ()| Ok((wall_clock(),)))?;
        }
        ("wasi:clocks/wall-clock", "resolution") => {
            instance.func_wrap(name, |_, ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))?;
        }
        ("wasi:random/random", "get-random-bytes")
        | ("wasi:random/insecure", "get-insecure-random-bytes") => {
            instance.func_wrap(name, |_, (length,): (u64,)| {
                if length > MAX_RANDOM {
                    bail!("{length} random bytes at once are too many");
                }
                let mut bytes = vec![0; length as usize];
                fill(&mut bytes)?;
                Ok((bytes,))
            })?;
        }
        ("wasi:random/random", "get-random-u64") | ("wasi:random/insecure", "get-insecure-random-u64") => {
            instance.func_wrap(name, |_, ()| Ok((random_u64()?,)))?;
        }
        ("wasi:random/insecure-seed", "insecure-seed") => {
            instance.func_wrap(name, |_, ()| Ok(((random_u64()?, random_u64()?),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn define_stream(instance: &mut LinkerInstance<'_, Plugin>, name: &str) -> Result<bool> {
    type Stream = Resource<Nothing>;
    type Streamed<T> = std::result::Result<T, StreamError>;
    match name {
        "[method]output-stream.check-write" => {
            instance.func_wrap(name, |_, (_,): (Stream,)| Ok((Streamed::Ok(STREAM_PERMIT),)))?;
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            instance.func_wrap(
                name,
                |mut store: StoreContextMut<'_, Plugin>, (_, bytes): (Stream, Vec<u8>)| {
                    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                    if !text.is_empty() {
                        store.data_mut().log_line(Level::Info, text);
                    }
                    Ok((Streamed::Ok(()),))
                },
            )?;
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            instance.func_wrap(name, |_, (_,): (Stream,)| Ok((Streamed::Ok(()),)))?;
        }
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            instance.func_wrap(name, |_, (_, _): (Stream, u64)| {
                Ok((Streamed::<Vec<u8>>::Err(StreamError::Closed),))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    match getrandom::fill(bytes) {
        Ok(()) => Ok(()),
        Err(_) => bail!("the system has no random numbers"),
    }
}

fn random_u64() -> Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn monotonic_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn wall_clock() -> Datetime {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Datetime { seconds: now.tv_sec.unsigned_abs(), nanoseconds: u32::try_from(now.tv_nsec).unwrap_or(0) }
}
