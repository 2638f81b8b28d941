//! For the tests of the sandbox: does everything that a plugin must not get away with, one by one, when told to.
#![allow(clippy::panic, clippy::print_stdout)]

use std::time::Duration;

use streembit_plugin_sdk::gpio::{Edge, Input, Output};
use streembit_plugin_sdk::{
    Completion, Error, Event, Invocation, IoError, Plugin, Value, json, log, state, thing, timer,
};

struct Hostile {
    calls: u32,
    ticks: u32,
    pending: Option<u64>,
    line: Option<Output>,
}

impl Plugin for Hostile {
    type Config = Value;

    fn start(config: Value) -> Result<Self, Error> {
        match config["start"].as_str() {
            Some("spin") => spin(),
            Some("panic") => panic!("at the start"),
            _ => {}
        }
        let line = Output::open("line").ok();
        Ok(Self { calls: 0, ticks: 0, pending: None, line })
    }

    fn read_property(&mut self, name: &str) -> Result<Value, Error> {
        match name {
            "calm" => {
                self.calls += 1;
                Ok(json!(self.calls))
            }
            "line" => match &self.line {
                Some(line) => Ok(json!(line.is_active()?)),
                None => Err(Error::Failed("no line".to_owned())),
            },
            "huge" => Ok(json!("x".repeat(100_000))),
            _ => Err(Error::UnknownAffordance),
        }
    }

    fn invoke_action(
        &mut self,
        _: &str,
        input: Option<Value>,
        call: Invocation,
    ) -> Result<Completion, Error> {
        let what = input.as_ref().and_then(Value::as_str).unwrap_or_default();
        let done = match what {
            "spin" => spin(),
            "panic" => panic!("told to"),
            "exit" => std::process::exit(0),
            "recurse" => json!(recurse(&mut [0; 64])),
            "memory" => memory(),
            "flood" => flood(self.line.as_ref()),
            "log flood" => log_flood(),
            "huge" => huge(),
            "beyond" => beyond(),
            "wasi" => wasi(),
            "store" => store()?,
            "timers" => timers(),
            "one-shots" => one_shots(self.line.as_ref()),
            "ticks" => json!(self.ticks),
            "handles" => handles(),
            "pend" => {
                self.pending = Some(call.id);
                return Ok(Completion::Pending);
            }
            "finish" => {
                let id = self.pending.take().ok_or(Error::Busy)?;
                json!(thing::complete_action(id, Ok(Some(json!("at last")))).is_ok())
            }
            _ => return Err(Error::InvalidValue(format!("not {what}"))),
        };
        Ok(Completion::Done(Some(done)))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Tick(_) => self.ticks += 1,
            Event::CancelAction(id) if self.pending == Some(id) => {
                self.pending = None;
                let _ = thing::complete_action(id, Err(Error::Failed("cancelled".to_owned())));
            }
            _ => {}
        }
        Ok(())
    }
}

fn spin() -> ! {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

#[allow(unconditional_recursion)] // On purpose: it ends where the stack does.
fn recurse(room: &mut [u8; 64]) -> u64 {
    let mut more = *room;
    more[0] = more[0].wrapping_add(1);
    let below = recurse(std::hint::black_box(&mut more));
    below + u64::from(more[1])
}

fn memory() -> Value {
    let mut all = Vec::new();
    loop {
        all.push(vec![1u8; 1 << 16]);
        std::hint::black_box(&all);
    }
}

/// Asks without end; says how much of it was served.
fn flood(line: Option<&Output>) -> Value {
    let (mut served, mut refused) = (0, 0);
    for _ in 0..5_000 {
        match line.map(Output::is_active) {
            Some(Ok(_)) => served += 1,
            _ => refused += 1,
        }
    }
    json!({ "served": served, "refused": refused })
}

fn log_flood() -> Value {
    for n in 0..2_000 {
        log::info(&format!("line {n}\nagent: the door is open\u{1b}[2J"));
    }
    json!("done")
}

/// Texts that are too long for each import that takes one.
fn huge() -> Value {
    let long = "x".repeat(100_000);
    log::info(&long);
    let refused = [
        Output::open(&long).is_err(),
        Input::open(&long).is_err(),
        thing::property_changed("calm", &json!(long)).is_err(),
        thing::emit_event("noise", Some(&json!(long))).is_err(),
        thing::emit_event(&long, None).is_err(),
        state::set(&long, b"").is_err(),
        state::set("k", long.as_bytes()).is_err(),
    ];
    json!(refused)
}

/// What nobody granted.
fn beyond() -> Value {
    let denied = |result: Result<(), IoError>| matches!(result, Err(IoError::Denied(_)));
    let refused = [
        denied(Output::open("siren").map(drop)),
        denied(Output::open("../line").map(drop)),
        denied(Input::open("").map(drop)),
        // Granted, but as something else.
        Output::open("switch").is_err(),
        Input::open("line").is_err(),
        denied(thing::property_changed("other", &json!(1))),
        denied(thing::emit_event("other", None)),
        denied(thing::complete_action(4_711, Ok(None))),
    ];
    json!(refused)
}

/// What the standard library can still do.
fn wasi() -> Value {
    println!("a line by println");
    let file = std::fs::read("/etc/passwd").is_err() && std::fs::write("/tmp/x", "x").is_err();
    let seeds = std::collections::hash_map::RandomState::new();
    std::hint::black_box(seeds);
    json!({
        "file refused": file,
        "variables": std::env::vars().count(),
        "arguments": std::env::args().count(),
        "time moves": std::time::SystemTime::now() > std::time::UNIX_EPOCH,
    })
}

fn store() -> Result<Value, Error> {
    let before = state::get("count")?.and_then(|bytes| bytes.first().copied()).unwrap_or(0);
    state::set("count", &[before + 1])?;
    Ok(json!(before))
}

fn timers() -> Value {
    let too_fast = timer::every(Duration::from_millis(1)).is_err();
    let started = (0..100).filter(|_| timer::every(Duration::from_millis(10)).is_ok()).count();
    json!({ "too fast": too_fast, "started": started })
}

/// Timers that are due as soon as they are started, with time for the host to see to them: the plugin takes no tick before it
/// has started all.
fn one_shots(line: Option<&Output>) -> Value {
    let mut started = 0;
    for _ in 0..3 {
        started += (0..16).filter(|_| timer::once(Duration::ZERO).is_ok()).count();
        let begun = thing::uptime();
        while thing::uptime() - begun < Duration::from_millis(3) {
            // While the plugin waits for an answer, the host does what else is due.
            std::hint::black_box(line.map(Output::is_active));
        }
    }
    json!(started)
}

/// Watching twice, driving what was dropped, and opening without end.
fn handles() -> Value {
    let Ok(switch) = Input::open("switch") else { return json!("no switch") };
    let watched = switch.watch(Edge::Both, Duration::ZERO).is_ok();
    let again = Input::open("switch").is_err();
    drop(switch);
    let reopened = Input::open("switch").is_ok();
    json!([watched, again, reopened])
}

streembit_plugin_sdk::plugin!(Hostile);
