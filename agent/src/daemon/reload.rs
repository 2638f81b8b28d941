//! A changed config file.

use std::sync::{Arc, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Core;
use crate::config::{Reload, Watcher};
use crate::control::answer::ConfigState;
use crate::liveness::Beat;

/// Takes up every change of the file until `stop`.
pub(super) async fn follow(mut watcher: Watcher, core: Arc<Core>, mut beat: Beat, stop: CancellationToken) {
    loop {
        let reload = tokio::select! {
            () = stop.cancelled() => return,
            never = beat.answer() => match never {},
            reload = watcher.next() => reload,
        };
        // A new plugin is compiled first, which may take minutes on a small board; the compiler's time is bounded.
        beat.during(core.take_up(reload)).await;
    }
}

impl Core {
    pub(super) fn ask_to_reload(&self) {
        if let Some(reload) = &self.reload {
            // Full means that it is about to be read anyway.
            let _ = reload.try_send(());
        }
    }

    /// Puts a file's settings in force, or says why the old ones stay.
    async fn take_up(&self, reload: Reload) {
        let old = self.config();
        let state = match reload {
            Err(error) => {
                warn!("the config file is wrong, and the old settings stay in force: {error}");
                // What waits for the next start would not come with this file.
                ConfigState { problem: Some(error.to_string()), next_start: Vec::new() }
            }
            Ok(new) => {
                let next_start = old.needs_restart(&new).into_iter().map(str::to_owned).collect();
                info!(?next_start, "the config file was read again");
                self.plugins.apply(&new.plugins).await;
                // What needs a restart stays as it is running, so that it is compared with that the next time too.
                self.config.lock().unwrap_or_else(PoisonError::into_inner).plugins = new.plugins;
                ConfigState { problem: None, next_start }
            }
        };
        *self.config_state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
