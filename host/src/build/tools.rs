//! What builds need and projects do not carry, installed once for all plugins of this user.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::BuildError;

/// The folder with a tool in it: `toolcell/tools/NAME-VERSION` in the user's cache folder. Where it is not there yet, `install`
/// fills it; one that fails is begun anew the next time, and others that want the same tool wait for it.
///
/// # Errors
///
/// Those of `install`, and when there is no cache folder that can be written.
pub(super) fn tool(
    name: &str,
    version: &str,
    install: impl FnOnce(&Path) -> Result<(), BuildError>,
) -> Result<PathBuf, BuildError> {
    let cache = dirs::cache_dir().ok_or_else(|| {
        BuildError::file(Path::new("~/.cache"), "this user has no cache folder; set XDG_CACHE_HOME to one")
    })?;
    let tools = cache.join("toolcell/tools");
    let unusable = |error| BuildError::file(&tools, error);
    fs::create_dir_all(&tools).map_err(unusable)?;
    let folder = tools.join(format!("{name}-{version}"));
    let lock = File::create(tools.join(format!("{name}-{version}.lock"))).map_err(unusable)?;
    lock.lock().map_err(unusable)?;
    // Written last. Tools hold the path of their own folder, so it is filled where it stays.
    let stamp = folder.join("installed");
    if stamp.is_file() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(unusable)?;
    }
    fs::create_dir(&folder).map_err(unusable)?;
    install(&folder)?;
    File::create(stamp).map_err(unusable)?;
    Ok(folder)
}
