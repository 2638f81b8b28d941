//! The engine's settings, which the compiler and the host must share to the last bit.
//!
//! A crate of its own, because the compiler adds Cranelift to the same engine and the host must not contain it.

use streembit_plugin_host::ENGINE;
use wasmtime::{Config, Engine, ModuleVersionStrategy};

/// How many bytes of addresses a linear memory reserves. The default of 4 GiB fails on a small Pi; a memory that grows
/// beyond is moved.
const MEMORY_RESERVATION: u64 = 16 << 20;

/// Unmapped bytes behind a memory. With so few, a bounds check stays in the code where an offset is larger.
const MEMORY_GUARD: u64 = 64 << 10;

/// The stack of a call, which is kept for each instance; the host's own functions run on the rest of it.
const ASYNC_STACK: usize = 512 << 10;

/// The part of it that a plugin may use. Endless recursion traps here.
const WASM_STACK: usize = 256 << 10;

/// Length of an epoch: the granularity of a plugin's processor time.
pub const TICK: std::time::Duration = std::time::Duration::from_millis(10);

/// The engine does not work on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the engine cannot be made: {0}")]
pub struct Unusable(String);

/// The engine. Whoever changes a setting counts up the number in [`ENGINE`], so that no old code is loaded.
pub fn engine() -> Result<Engine, Unusable> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_reservation_for_growth(0)
        .memory_guard_size(MEMORY_GUARD)
        .async_stack_size(ASYNC_STACK)
        .max_wasm_stack(WASM_STACK)
        // Copying a memory's few pages costs less than a memory file each, which a locked-down host cannot make.
        .memory_init_cow(false);
    let named = config.module_version(ModuleVersionStrategy::Custom(ENGINE.to_owned()));
    named.and_then(|config| Engine::new(config)).map_err(|error| Unusable(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_engine_is_the_one_in_the_lock_file() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let (_, after) = lock.split_once("name = \"wasmtime\"\nversion = \"").unwrap();
        let (version, _) = after.split_once('"').unwrap();
        let named = ENGINE.strip_prefix("wasmtime-").unwrap().split_once('/').unwrap().0;
        assert_eq!(named, version, "change ENGINE in plugin-host/src/lib.rs");
    }
}
