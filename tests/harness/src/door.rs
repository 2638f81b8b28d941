//! The door on the other side of the simulated lines: what its motor and its end switches do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub(crate) const CHIP: &str = "gpiochip0";

/// What the plugin asks for, the line that it gets, and how.
pub(crate) const LINES: [(&str, &str, &str); 6] = [
    ("open", "4", "output, safe state off"),
    ("close", "5", "output, safe state off"),
    ("stop", "6", "output, safe state off"),
    ("open-switch", "20", "input"),
    ("closed-switch", "21", "input"),
    ("obstruction", "22", "input"),
];

/// A door in the folder of a simulated chip.
#[derive(Debug, Clone)]
pub struct Door {
    chip: PathBuf,
}

/// A door that moves when its buttons are pressed, until this is dropped.
pub struct Motor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    pub(crate) fn new(world: PathBuf) -> Self {
        Self { chip: world.join(CHIP) }
    }

    /// How often a button was pressed since the door was built.
    pub fn movements(&self) -> usize {
        pressed(&self.chip).len()
    }

    /// Sets an end switch or the light barrier, by the name that the plugin gives it.
    pub fn set(&self, input: &str, active: bool) -> Result<()> {
        let (_, line, _) = LINES.iter().find(|(name, ..)| *name == input).context("no such input")?;
        fs::create_dir_all(&self.chip).with_context(|| self.chip.display().to_string())?;
        let file = self.chip.join(line);
        fs::write(&file, if active { "1\n" } else { "0\n" }).with_context(|| file.display().to_string())
    }

    /// Lets the door follow its buttons: closed at first, then wherever the last one sent it.
    pub fn motor(&self) -> Result<Motor> {
        self.stand(false)?;
        let (door, stop) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = door.movements();
            while !stopped.load(Ordering::Relaxed) {
                let pressed = pressed(&door.chip);
                for line in pressed.iter().skip(seen) {
                    // A switch that cannot be set is a folder that is gone: the test is over.
                    let _ = match line.as_str() {
                        "4" => door.stand(true),
                        "5" => door.stand(false),
                        _ => Ok(()),
                    };
                }
                seen = pressed.len();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Ok(Motor { stop, thread: Some(thread) })
    }

    fn stand(&self, open: bool) -> Result<()> {
        self.set("closed-switch", !open)?;
        self.set("open-switch", open)
    }
}

impl Drop for Motor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The lines that were pulsed, in order. Going back to the safe state is no press.
fn pressed(chip: &Path) -> Vec<String> {
    let records = fs::read_to_string(chip.join("movements")).unwrap_or_default();
    let pulses = records.lines().filter_map(|record| record.split_once(' '));
    pulses.filter(|(_, what)| what.starts_with("pulse")).map(|(line, _)| line.to_owned()).collect()
}
