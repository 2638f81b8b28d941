//! The config file, read again when it changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tracing::warn;

use super::{Config, ConfigError};

/// How long the file must be left alone before it is read: an editor writes it in several steps.
const SETTLE: Duration = Duration::from_millis(200);

/// What came of reading the file again.
pub type Reload = Result<Config, ConfigError>;

/// Watches the config file.
#[derive(Debug)]
pub struct Watcher {
    path: PathBuf,
    changes: mpsc::Receiver<()>,
    asks: mpsc::Sender<()>,
    /// Stops watching when it is dropped; `None` where the system does not let us watch.
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watcher {
    /// Watches the file at `path`. Where the system has no watch left (inotify's limits), it says so in the log, and the
    /// file is read again only when asked ([`Watcher::asker`]).
    pub fn new(path: &Path) -> Self {
        // One waiting change is enough: the file is read after it.
        let (asks, changes) = mpsc::channel(1);
        let watcher = watch(path, asks.clone())
            .inspect_err(|error| {
                warn!("changes of {} are not noticed by themselves: {error}", path.display())
            })
            .ok();
        Self { path: path.to_owned(), changes, asks, _watcher: watcher }
    }

    /// Makes [`Watcher::next`] read the file although it did not change: for SIGHUP.
    pub fn asker(&self) -> mpsc::Sender<()> {
        self.asks.clone()
    }

    /// Waits until the file changed and was left alone for a moment, and reads it.
    pub async fn next(&mut self) -> Reload {
        // The sender in `self` keeps the channel open.
        let _ = self.changes.recv().await;
        while let Ok(Some(())) = tokio::time::timeout(SETTLE, self.changes.recv()).await {}
        Config::load(&self.path)
    }
}

fn watch(path: &Path, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let name = path.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_ours = match &event {
            // Looking at the file is no change: it would make us read it for ever.
            Ok(event) => {
                !event.kind.is_access() && event.paths.iter().any(|path| path.file_name() == name.as_deref())
            }
            // Events were lost: the file may have changed.
            Err(_) => true,
        };
        if is_ours {
            // Full means that a change waits already.
            let _ = changed.try_send(());
        }
    })?;
    // The folder, not the file: an editor that saves by renaming puts another file in its place.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
