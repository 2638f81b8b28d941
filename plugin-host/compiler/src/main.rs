//! `streembit-plugin-compiler`: one component on standard input, its compiled code on standard output, then it ends.
//!
//! The compiler is the part of the engine with the most code and the most mistakes, and it reads bytes of strangers.
//! So it lives for one component, with limits on time and memory, and once it has read its input it can do nothing but
//! compute and write. Exit code 0 means that the output says what became of the component; anything else is a crash.

mod limits;
mod lockdown;

use std::io::{Read as _, Write as _};

use anyhow::Context as _;
use streembit_plugin_api::MAX_COMPONENT;
use streembit_plugin_host::ENGINE;
use streembit_plugin_host::compiled::{Compiled, MAX_CODE, header};
use wasmtime::Engine;
use wasmtime::component::Component;

fn main() -> anyhow::Result<()> {
    limits::apply().context("the limits of the process could not be set")?;
    let mut component = Vec::new();
    std::io::stdin().lock().take(MAX_COMPONENT as u64 + 1).read_to_end(&mut component)?;
    // The engine looks at the processor, which may need files: so it is made before the door is shut.
    let engine = streembit_plugin_engine::engine()?;
    lockdown::apply().context("the process could not be locked down")?;
    let (compiled, code) = compile(&engine, &component);
    let mut out = std::io::stdout().lock();
    out.write_all(&header(&compiled))?;
    out.write_all(&code)?;
    out.flush()?;
    Ok(())
}

fn compile(engine: &Engine, component: &[u8]) -> (Compiled, Vec<u8>) {
    let refused = |why: String| (Compiled::Refused { why: why.chars().take(500).collect() }, Vec::new());
    if component.len() > MAX_COMPONENT {
        return refused(format!("larger than {} MiB", MAX_COMPONENT >> 20));
    }
    let component = match Component::from_binary(engine, component) {
        Ok(component) => component,
        Err(error) => return refused(format!("{error:#}")),
    };
    let imports = component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
    match component.serialize() {
        Ok(code) if code.len() <= MAX_CODE => (Compiled::Code { imports, engine: ENGINE.to_owned() }, code),
        Ok(code) => refused(format!("its code of {} MiB is too large", code.len() >> 20)),
        Err(error) => refused(format!("{error:#}")),
    }
}
