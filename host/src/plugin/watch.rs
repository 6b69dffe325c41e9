//! Sees changes in the plugins folder and reloads it.

use std::{sync::Arc, time::Duration};

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::host::Host;

/// How long the folder has to be quiet before it is read: a build writes a file in many steps.
const QUIET: Duration = Duration::from_millis(150);

/// How long it is waited for at most: something may write there without end.
const LATEST: Duration = Duration::from_secs(2);

/// Reloads the host's plugins whenever their folder changes, until the returned watcher is dropped.
///
/// # Errors
///
/// When the system cannot watch the folder; what is served then stays as it is.
pub fn watch(host: &Arc<Host>) -> notify::Result<notify::RecommendedWatcher> {
    let (sender, mut changed) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.map_or(true, |event| !event.kind.is_access()) {
            // One pending change is as good as many.
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(host.registry().folder(), RecursiveMode::Recursive)?;
    let host = Arc::clone(host);
    tokio::spawn(async move {
        while changed.recv().await.is_some() {
            let quiet = async { while let Ok(Some(())) = tokio::time::timeout(QUIET, changed.recv()).await {} };
            let _ = tokio::time::timeout(LATEST, quiet).await;
            if let Err(error) = host.registry().reload().await {
                tracing::error!("plugins not reloaded: {error}");
            }
        }
    });
    Ok(watcher)
}
