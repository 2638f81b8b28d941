use std::time::Duration;

use crate::gpio::{Edge, Input, Output};
use crate::{Error, Event, IoError, Plugin, mock, state, timer};

/// Counts what it hears.
struct Counter {
    edges: u32,
    ticks: u32,
    _input: Input,
}

impl Plugin for Counter {
    type Config = ();

    fn start((): ()) -> Result<Self, Error> {
        let input = Input::open("in")?;
        input.watch(Edge::Rising, Duration::ZERO)?;
        timer::every(Duration::from_secs(1))?;
        Ok(Self { edges: 0, ticks: 0, _input: input })
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Edge { .. } => self.edges += 1,
            Event::Tick(_) => self.ticks += 1,
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn what_is_not_granted_does_not_exist() {
    assert!(matches!(Input::open("in"), Err(IoError::Denied(_))));
    assert!(Input::open_optional("in").unwrap().is_none());
    assert!(matches!(Output::open("out"), Err(IoError::Denied(_))));
    assert!(Counter::start(()).is_err());
}

#[test]
fn edges_and_ticks_arrive() {
    mock::grant_input("in", false);
    let mut counter = Counter::start(()).unwrap();
    for active in [true, true, false, true] {
        mock::set_input(&mut counter, "in", active).unwrap();
    }
    mock::advance(&mut counter, Duration::from_millis(3_500)).unwrap();
    assert_eq!((counter.edges, counter.ticks), (2, 3));
}

#[test]
fn the_store_keeps_and_forgets() {
    state::set("k", b"v").unwrap();
    assert_eq!(state::get("k").unwrap().unwrap(), b"v");
    state::delete("k").unwrap();
    assert_eq!(state::keys().unwrap(), [""; 0]);
}
