//! A simulated chip: a folder that people, tests and the demo look into and write to.
//!
//! `FOLDER/CHIP/LINE` holds the level of a line, `0` or `1`. The level of an output is written by the back end, that of
//! an input by whoever plays the world: `echo 1 > FOLDER/gpiochip0/5` closes the switch. `FOLDER/CHIP/movements` has
//! one line for each time that an output was moved, in order: what a person would hear click. The end of a pulse is
//! part of its movement. The record is written before the level, with one `write`, so it survives the end of the
//! process at any instant (not that of the machine: a real relay has no memory of it either).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::input::{QUEUE, debounce, monotonic};
use super::{Binding, Drive, EdgeKind, Edges, Gpio, HardwareError, InputLine, Line, OutputLine};

/// A chip whose lines are files.
pub struct Simulated {
    folder: PathBuf,
    watched: Arc<Watched>,
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
}

/// One record of the `movements` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The line: an offset or a name.
    pub line: String,
    /// `pulse 500ms`, `on`, `off`, `safe on` or `safe off`.
    pub what: String,
}

/// The watched inputs by their file. A lock of its own: the watcher's thread takes it while a watch is being set up.
type Watched = Mutex<BTreeMap<PathBuf, Watch>>;

struct Watch {
    active_low: bool,
    level: bool,
    raw: mpsc::Sender<(bool, Duration)>,
}

impl Simulated {
    /// The chips in this folder, which is made where it does not exist.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        // Changed files are reported by their full path.
        Ok(Self { folder: folder.canonicalize()?, watched: Arc::default(), watcher: Arc::default() })
    }

    /// Every movement of the outputs of `chip` so far, for whoever watches from outside.
    pub fn movements(folder: &Path, chip: &str) -> io::Result<Vec<Movement>> {
        let text = match fs::read_to_string(folder.join(chip).join("movements")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let records = text.lines().filter_map(|record| record.split_once(' '));
        Ok(records.map(|(line, what)| Movement { line: line.to_owned(), what: what.to_owned() }).collect())
    }

    /// The level of a line, from outside.
    pub fn level(folder: &Path, chip: &str, line: &str) -> io::Result<bool> {
        read_level(&folder.join(chip).join(line))
    }

    /// Sets the level of an input, from outside.
    pub fn set_level(folder: &Path, chip: &str, line: &str, level: bool) -> io::Result<()> {
        fs::create_dir_all(folder.join(chip))?;
        write_level(&folder.join(chip).join(line), level)
    }

    fn file(&self, line: &Line) -> Result<PathBuf, HardwareError> {
        let chip = self.folder.join(&line.chip);
        fs::create_dir_all(&chip).map_err(|error| failed(line, &error))?;
        Ok(chip.join(line.id.to_string()))
    }
}

impl Gpio for Simulated {
    fn output(&self, binding: &Binding) -> Result<Box<dyn OutputLine>, HardwareError> {
        let line = binding.line.clone();
        let file = self.file(&line)?;
        write_level(&file, binding.safe != binding.active_low).map_err(|error| failed(&line, &error))?;
        let movements = file.with_file_name("movements");
        let movements = OpenOptions::new().create(true).append(true).open(movements);
        let movements = movements.map_err(|error| failed(&line, &error))?;
        Ok(Box::new(SimulatedOutput { line, file, movements, active_low: binding.active_low }))
    }

    fn input(&self, binding: &Binding) -> Result<Box<dyn InputLine>, HardwareError> {
        let line = binding.line.clone();
        let file = self.file(&line)?;
        if !file.exists() {
            write_level(&file, binding.active_low).map_err(|error| failed(&line, &error))?;
        }
        let (watched, watcher) = (Arc::clone(&self.watched), Arc::clone(&self.watcher));
        Ok(Box::new(SimulatedInput { line, file, active_low: binding.active_low, watched, watcher }))
    }
}

struct SimulatedOutput {
    line: Line,
    file: PathBuf,
    movements: File,
    active_low: bool,
}

impl OutputLine for SimulatedOutput {
    fn drive(&self, drive: Drive) -> Result<(), HardwareError> {
        let word = |active| if active { "on" } else { "off" };
        let record = match drive {
            Drive::Hold(active) => Some(word(active).to_owned()),
            Drive::Pulse(length) => Some(format!("pulse {}ms", length.as_millis())),
            Drive::PulseEnd => None,
            Drive::Safe(active) => Some(format!("safe {}", word(active))),
        };
        if let Some(record) = record {
            let record = format!("{} {record}\n", self.line.id);
            (&self.movements).write_all(record.as_bytes()).map_err(|error| failed(&self.line, &error))?;
        }
        write_level(&self.file, drive.active() != self.active_low).map_err(|error| failed(&self.line, &error))
    }

    fn is_active(&self) -> Result<bool, HardwareError> {
        let level = read_level(&self.file).map_err(|error| failed(&self.line, &error))?;
        Ok(level != self.active_low)
    }
}

struct SimulatedInput {
    line: Line,
    file: PathBuf,
    active_low: bool,
    watched: Arc<Watched>,
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
}

impl InputLine for SimulatedInput {
    fn is_active(&self) -> Result<bool, HardwareError> {
        let level = read_level(&self.file).map_err(|error| failed(&self.line, &error))?;
        Ok(level != self.active_low)
    }

    fn watch(&self, kind: EdgeKind, hold: Duration) -> Result<Edges, HardwareError> {
        let fault = |reason: String| HardwareError::Failed { line: self.line.to_string(), reason };
        let (raw, levels) = mpsc::channel(QUEUE);
        let (edges, receiver) = mpsc::channel(QUEUE);
        if lock(&self.watched).contains_key(&self.file) {
            return Err(fault("it is watched already".to_owned()));
        }
        self.watch_folder().map_err(|error| fault(error.to_string()))?;
        // Read after the watch began, so that no change falls between the two.
        let active = self.is_active()?;
        let watch = Watch { active_low: self.active_low, level: active, raw };
        lock(&self.watched).insert(self.file.clone(), watch);
        tokio::spawn(debounce(levels, edges, kind, hold, active));
        changed(&self.watched, &self.file);
        Ok(Edges::new(receiver, Unwatch { file: self.file.clone(), watched: Arc::clone(&self.watched) }))
    }
}

impl SimulatedInput {
    fn watch_folder(&self) -> notify::Result<()> {
        let mut watcher = lock(&self.watcher);
        if watcher.is_none() {
            let watched = Arc::clone(&self.watched);
            *watcher = Some(notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // Reading a level is an access too, and must not be the reason for reading it again.
                if let Ok(event) = event
                    && !event.kind.is_access()
                {
                    event.paths.iter().for_each(|path| changed(&watched, path));
                }
            })?);
        }
        match (&mut *watcher, self.file.parent()) {
            (Some(watcher), Some(folder)) => watcher.watch(folder, RecursiveMode::NonRecursive),
            _ => Err(notify::Error::generic("no folder to watch")),
        }
    }
}

/// Looks at a file that may have another level now.
fn changed(watched: &Watched, path: &Path) {
    let mut watched = lock(watched);
    let Some(watch) = watched.get_mut(path) else { return };
    // A file that is empty for a moment, because it is being written, has no level.
    let Ok(level) = read_level(path) else { return };
    let active = level != watch.active_low;
    if active != watch.level && watch.raw.try_send((active, monotonic())).is_ok() {
        watch.level = active;
    }
}

/// Ends a watch.
struct Unwatch {
    file: PathBuf,
    watched: Arc<Watched>,
}

impl Drop for Unwatch {
    fn drop(&mut self) {
        lock(&self.watched).remove(&self.file);
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_level(file: &Path) -> io::Result<bool> {
    match fs::read_to_string(file)?.trim() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a level is 0 or 1")),
    }
}

fn write_level(file: &Path, level: bool) -> io::Result<()> {
    // In place and in one write: somebody may be watching this very file.
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(file)?;
    file.write_all(if level { b"1\n" } else { b"0\n" })
}

fn failed(line: &Line, error: &io::Error) -> HardwareError {
    HardwareError::Failed { line: line.to_string(), reason: error.to_string() }
}
