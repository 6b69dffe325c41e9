//! Sees changes in the plugins folder and reloads it, and serves plugins that took their time once they are loaded.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::host::Host;

/// How long the folder has to be quiet before it is read: a build writes a file in many steps.
const QUIET: Duration = Duration::from_millis(150);

/// How long it is waited for at most: something may write there without end.
const LATEST: Duration = Duration::from_secs(2);

/// How often it is looked whether a folder that was removed is there again.
const RETRY: Duration = Duration::from_millis(500);

/// Reloads the host's plugins whenever their folder changes or one that was being loaded is there, until the returned handle
/// is dropped. Must be called within a runtime.
pub fn watch(host: &Arc<Host>) -> AbortOnDropHandle<()> {
    let (sender, mut changed) = mpsc::channel(1);
    let mut watcher = watcher(sender, host.registry().folder())
        .map_err(|error| tracing::warn!("changes in the folder are not seen until a restart: {error}"))
        .ok();
    let mut loaded = host.registry().loads_ended();
    // What ended before now has not been seen by anybody.
    loaded.mark_changed();
    let host = Arc::clone(host);
    AbortOnDropHandle::new(tokio::spawn(async move {
        let registry = host.registry();
        loop {
            let done = tokio::select! {
                Some(()) = changed.recv() => {
                    settle(&mut changed).await;
                    if let Some(watcher) = &mut watcher {
                        watch_again(watcher, registry.folder()).await;
                    }
                    registry.reload().await
                }
                Ok(()) = loaded.changed() => registry.refresh().await,
                else => return,
            };
            if let Err(error) = done {
                tracing::error!("plugins not reloaded: {error}");
            }
        }
    }))
}

/// Tells `changed` of changes in the folder.
fn watcher(changed: mpsc::Sender<()>, folder: &Path) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.map_or(true, |event| !event.kind.is_access()) {
            // One pending change is as good as many.
            let _ = changed.try_send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Waits until nothing has changed for a while.
pub(crate) async fn settle(changed: &mut mpsc::Receiver<()>) {
    let quiet = async { while let Ok(Some(())) = timeout(QUIET, changed.recv()).await {} };
    let _ = timeout(LATEST, quiet).await;
}

/// Watches the folder that has the name by now, which may be another one than before. One that was removed is waited for:
/// what is served stays meanwhile.
async fn watch_again(watcher: &mut RecommendedWatcher, folder: &Path) {
    let mut is_told = false;
    while let Err(error) = watcher.watch(folder, RecursiveMode::Recursive) {
        if !is_told {
            tracing::error!("what is served stays until {} is there again: {error}", folder.display());
            is_told = true;
        }
        sleep(RETRY).await;
    }
}
