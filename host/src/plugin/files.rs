//! The plugins folder, read so that nothing outside it can be: symbolic links that lead out are not followed, sizes are
//! bounded, and only regular files are read.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt},
};

use super::{
    Language,
    examples::{self, Example},
    lock::LockFile,
    manifest::{self, Manifest},
};
use crate::{
    policy::{PluginName, units::bytes_text},
    source::{Source, SourceError},
};

/// The folder that holds the plugins and their lock file.
#[derive(Debug)]
pub struct PluginFolder {
    dir: Dir,
    path: PathBuf,
}

/// A plugin in the folder, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The folder's name, or the file's without `.wasm`.
    pub name: PluginName,
    /// How it is laid out.
    pub layout: Layout,
}

/// How a plugin is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// `NAME/plugin.toml` and what it names.
    Folder,
    /// `NAME.wasm` alone.
    Bare,
}

/// What the folder holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The plugins, by name.
    pub found: Vec<Found>,
    /// What looks like a plugin and cannot be one.
    pub problems: Vec<SourceError>,
    /// The names of the plugins and of those that cannot be one only because there are two of the name.
    pub names: BTreeSet<PluginName>,
}

const MAX_MANIFEST: u64 = 64 << 10;
const MAX_LOCK: u64 = 1 << 20;
const MAX_COMPONENT: u64 = 64 << 20;
const MAX_EXAMPLE: u64 = 4 << 20;

impl PluginFolder {
    /// The name of the lock file in the folder.
    pub const LOCK: &'static str = "toolcell.lock";

    /// Opens the folder. What is read later is read from this very folder, wherever the path leads by then.
    ///
    /// # Errors
    ///
    /// The folder does not exist or cannot be read.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        let dir = dir.map_err(|error| SourceError::of_file(path.display().to_string(), reason(&error)))?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// The path that the folder was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the lock file.
    #[must_use]
    pub fn lock_path(&self) -> PathBuf {
        self.path.join(Self::LOCK)
    }

    /// The plugins in the folder: every `NAME/plugin.toml` and `NAME.wasm`. Hidden entries, and folders without a
    /// manifest, are none.
    ///
    /// # Errors
    ///
    /// The folder cannot be listed. A problem with one entry is in the listing.
    pub fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut entries: Vec<_> =
            self.dir.entries()?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>()?;
        entries.sort();
        for entry in entries {
            let shown = self.shown(&entry);
            // A name that is not UTF-8 cannot be a plugin's; the replacement character makes it a bad name below.
            let file_name = entry.to_string_lossy();
            let (name, layout) = match file_name.strip_suffix(".wasm") {
                _ if file_name.starts_with('.') => continue,
                Some(name) => (name, Layout::Bare),
                None if self.has_manifest(&entry) => (&*file_name, Layout::Folder),
                None => continue,
            };
            match name.parse::<PluginName>() {
                Err(error) => listing.problems.push(SourceError::of_file(shown, error.to_string())),
                Ok(name) if !listing.names.insert(name.clone()) => {
                    // Neither is served: which of the two a grant was meant for cannot be told.
                    listing.found.retain(|found| found.name != name);
                    let message = format!("there are both a folder {name} and a file {name}.wasm; remove one");
                    listing.problems.push(SourceError::of_file(shown, message));
                }
                Ok(name) => listing.found.push(Found { name, layout }),
            }
        }
        listing.found.sort();
        Ok(listing)
    }

    /// Reads a plugin's manifest.
    ///
    /// # Errors
    ///
    /// The manifest cannot be read, or something in it is not as it has to be.
    pub fn manifest(&self, found: &Found) -> Result<Manifest, SourceError> {
        if found.layout == Layout::Bare {
            return Ok(Manifest::bare(&found.name));
        }
        let shown = self.shown(Path::new(found.name.as_str()).join(manifest::FILE));
        let bytes = self
            .plugin_dir(found)
            .and_then(|dir| read(&dir, Path::new(manifest::FILE), MAX_MANIFEST))
            .map_err(|error| SourceError::of_file(&*shown, reason(&error)))?;
        let text = text_of(&shown, bytes)?;
        Manifest::parse(&Source { file: &shown, text: &text })
    }

    /// Reads a plugin's component, once: digest and compile these very bytes.
    ///
    /// # Errors
    ///
    /// The component does not exist, leads out of the plugin's folder, is not a regular file, or exceeds 64 MiB.
    pub fn component(&self, found: &Found, manifest: &Manifest) -> Result<Vec<u8>, SourceError> {
        self.plugin_dir(found).and_then(|dir| read(&dir, &manifest.component, MAX_COMPONENT)).map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let named = "does not exist; plugin.toml names it as the component";
            let shown = self.component_path(found, manifest).display().to_string();
            SourceError::of_file(shown, if missing { named.to_owned() } else { reason(&error) })
        })
    }

    /// The plugin's examples, by name; an error for each that is not one.
    #[must_use]
    pub fn examples(&self, found: &Found) -> Vec<Result<Example, SourceError>> {
        let shown = |name: &str| self.shown(Path::new(found.name.as_str()).join(examples::FOLDER).join(name));
        let list = || -> io::Result<(Dir, Vec<String>)> {
            let folder = self.plugin_dir(found)?.open_dir(examples::FOLDER)?;
            let names = folder.entries()?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let mut names: Vec<_> = names.collect::<io::Result<_>>()?;
            names.sort();
            Ok((folder, names))
        };
        let (folder, names) = match list() {
            _ if found.layout == Layout::Bare => return Vec::new(),
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => return vec![Err(SourceError::of_file(shown(""), reason(&error)))],
        };
        let example = |file: &String| {
            let (name, shown) = (file.strip_suffix(".json")?, shown(file));
            let bytes = read(&folder, Path::new(file), MAX_EXAMPLE);
            let text = bytes.map_err(|error| SourceError::of_file(&*shown, reason(&error)));
            let text = text.and_then(|bytes| text_of(&shown, bytes));
            Some(text.and_then(|text| Example::parse(name, &Source { file: &shown, text: &text })))
        };
        names.iter().filter_map(example).collect()
    }

    /// The path of the plugin's own folder, if it has one.
    pub(super) fn home(&self, found: &Found) -> Option<PathBuf> {
        (found.layout == Layout::Folder).then(|| self.path.join(found.name.as_str()))
    }

    /// The language of the source that the plugin comes with, if it does.
    #[must_use]
    pub fn language(&self, found: &Found) -> Option<Language> {
        let folder = self.path.join(found.name.as_str());
        (found.layout == Layout::Folder).then(|| Language::of(&folder)).flatten()
    }

    /// Whether the plugin's component is there, whatever can be said of it.
    pub(super) fn has_component(&self, found: &Found, manifest: &Manifest) -> bool {
        self.plugin_dir(found).is_ok_and(|dir| dir.symlink_metadata(&manifest.component).is_ok())
    }

    /// The path of a plugin's component, for the record of what was built.
    #[must_use]
    pub fn component_path(&self, found: &Found, manifest: &Manifest) -> PathBuf {
        match found.layout {
            Layout::Folder => self.path.join(found.name.as_str()).join(&manifest.component),
            Layout::Bare => self.path.join(&manifest.component),
        }
    }

    /// Reads the lock file; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The lock file cannot be read, or something in it is not as it has to be.
    pub fn lock(&self) -> Result<Option<LockFile>, SourceError> {
        let shown = self.shown(Self::LOCK);
        match read(&self.dir, Path::new(Self::LOCK), MAX_LOCK) {
            Ok(bytes) => LockFile::parse(&Source { file: &shown, text: &text_of(&shown, bytes)? }).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SourceError::of_file(shown, reason(&error))),
        }
    }

    /// A folder plugin's files are read from its own folder, so that a link cannot lead into another plugin either.
    fn plugin_dir(&self, found: &Found) -> io::Result<Dir> {
        match found.layout {
            Layout::Folder => self.dir.open_dir(found.name.as_str()),
            Layout::Bare => self.dir.try_clone(),
        }
    }

    /// Also true where the manifest is a link that leads out, so that reading it names the problem.
    fn has_manifest(&self, entry: &std::ffi::OsStr) -> bool {
        self.dir.symlink_metadata(Path::new(entry).join(manifest::FILE)).is_ok()
            || self.dir.symlink_metadata(entry).is_ok_and(|metadata| metadata.is_symlink())
    }

    fn shown(&self, inside: impl AsRef<Path>) -> String {
        self.path.join(inside).display().to_string()
    }
}

/// Reads a component that is in no folder of plugins.
///
/// # Errors
///
/// As [`PluginFolder::component`], but the path may lead anywhere.
pub fn component_at(path: &Path) -> Result<Vec<u8>, SourceError> {
    let open = || File::options().read(true).custom_flags(nonblocking()?).open(path);
    let read = open().and_then(|file| contents(&file, MAX_COMPONENT));
    read.map_err(|error| SourceError::of_file(path.display().to_string(), reason(&error)))
}

fn read(dir: &Dir, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = dir.open_with(path, OpenOptions::new().read(true).custom_flags(nonblocking()?))?;
    contents(&file.into_std(), most)
}

/// Without this flag, opening a named pipe would wait for a writer.
fn nonblocking() -> io::Result<i32> {
    i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).map_err(io::Error::other)
}

fn contents(file: &File, most: u64) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("exceeds {}", bytes_text(most))));
    }
    Ok(bytes)
}

fn text_of(shown: &str, bytes: Vec<u8>) -> Result<String, SourceError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        SourceError::of_file(shown, format!("is not UTF-8 text: the byte at {at} is not part of a character"))
    })
}

/// What the operating system's error means for the one who reads it.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            "is a link that leads out of the plugin's folder; copy the file there instead".to_owned()
        }
        io::ErrorKind::NotADirectory => "is not a folder".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
