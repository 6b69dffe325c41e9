//! Sees changes in the plugins folder and reloads it, and serves plugins that took their time once they are loaded.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{host::Host, policy::Access};

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
    let mut watcher = watcher(sender, host)
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
fn watcher(changed: mpsc::Sender<()>, host: &Arc<Host>) -> notify::Result<RecommendedWatcher> {
    let watched = Arc::downgrade(host);
    let told = move |event: notify::Result<Event>| {
        let Some(host) = watched.upgrade() else { return };
        if event.map_or(true, |event| !event.kind.is_access() && !is_of_its_own_files(&host, &event)) {
            // One pending change is as good as many.
            let _ = changed.try_send(());
        }
    };
    // A link that leads out is not read, and what it leads to can be the whole machine.
    let mut watcher = RecommendedWatcher::new(told, Config::default().with_follow_symlinks(false))?;
    watcher.watch(host.registry().folder(), RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Whether all of it happened in folders that plugins write in themselves, which says nothing new about any plugin.
fn is_of_its_own_files(host: &Host, event: &Event) -> bool {
    let catalog = host.catalog();
    let in_one_of_them = |path: &PathBuf| {
        catalog.tools.iter().any(|tool| {
            let own =
                tool.grant().files().iter().filter(|(folder, access)| folder.is_own() && *access == Access::ReadWrite);
            let plugin = host.registry().folder().join(tool.plugin());
            own.into_iter().any(|(folder, _)| path.starts_with(plugin.join(folder.as_str())))
        })
    };
    !event.paths.is_empty() && event.paths.iter().all(in_one_of_them)
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
