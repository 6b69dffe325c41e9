//! Files: the folders that a plugin was granted, and how much a call may open and write there.
//!
//! The runtime confines paths: it resolves each beneath a handle of its folder, so that neither `..` nor a symbolic link nor
//! a folder that is swapped for one meanwhile leads out. What is here decides before it does, records what was refused, and
//! bounds what the runtime does not. Every guest also sees `/`, which holds nothing and refuses everything: without it the
//! guest's own library would refuse paths that are in no folder, and nobody would learn which.

mod output;
mod wasi;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use cap_std::{ambient_authority, fs as confined};
use tempfile::TempDir;
use wasmtime_wasi::{
    FsPerms, OpenMode,
    filesystem::{Descriptor, Dir, File},
};

pub(super) use self::wasi::add_to_linker;
use crate::{
    policy::{Access, FolderPath, Grant},
    receipt::FileUse,
    text,
};

/// Bytes that a call may write to files.
const MAX_WRITTEN: u64 = 64 << 20;
/// Bytes that a new file, folder or link counts as, because the disk keeps as much for it.
const ENTRY: u64 = 4 << 10;
/// Files and folders that a call may have open.
const MAX_OPEN: usize = 64;
/// Files and folders that all calls together may have open, so that the process has descriptors left for servers.
const MAX_OPEN_IN_ALL: usize = 256;
/// Characters of the path of an open folder that are remembered.
const MAX_PATH: usize = 512;
/// Names in the folders that a call may list.
const MAX_LISTED: usize = 100_000;

/// A folder that a plugin was granted, for every call of it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: FolderPath,
    access: Access,
    place: Place,
    /// The handle that calls share while any of them holds it; after that the folder may be another one.
    open: Mutex<Weak<Dir>>,
}

#[derive(Debug)]
enum Place {
    /// Within the plugin's own folder, whose path this is, if it has one.
    Own(Option<PathBuf>),
    /// Anywhere.
    Machine,
    /// Empty, and gone with the call: for calls that a replay answers.
    Empty(io::Result<TempDir>),
}

impl Folder {
    /// The folders of a grant. `home` is the path of the plugin's own folder.
    pub(crate) fn granted(grant: &Grant, home: Option<&Path>) -> Arc<[Arc<Self>]> {
        let folder = |(path, access): (&FolderPath, Access)| {
            let place = if path.is_own() { Place::Own(home.map(Path::to_owned)) } else { Place::Machine };
            Arc::new(Self { path: path.clone(), access, place, open: Mutex::default() })
        };
        grant.files().iter().map(folder).collect()
    }

    /// The same folder, empty and nobody else's.
    pub(super) fn emptied(&self) -> Arc<Self> {
        let place = Place::Empty(TempDir::new());
        Arc::new(Self { path: self.path.clone(), access: self.access, place, open: Mutex::default() })
    }

    /// What keeps it from being used, in one sentence for the operator.
    pub(crate) fn problem(&self) -> Option<String> {
        let error = self.handle().err()?;
        Some(format!(
            "the folder {} is granted and cannot be opened: {error}; make it, or mend its permissions",
            self.path
        ))
    }

    fn handle(&self) -> io::Result<Arc<Dir>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = open.upgrade() {
            return Ok(dir);
        }
        let whole = |path: &Path| confined::Dir::open_ambient_dir(path, ambient_authority());
        let dir = match &self.place {
            // Step by step, so that no link leads out of the plugin's folder, nor this one out of that of all plugins.
            Place::Own(home) => {
                let home = home.as_ref().and_then(|home| Some((home.parent()?, home.file_name()?)));
                let (plugins, name) = home.ok_or(io::ErrorKind::NotFound)?;
                whole(plugins)?.open_dir(name)?.open_dir(self.path.as_str())?
            }
            Place::Machine => whole(self.path.as_str().as_ref())?,
            Place::Empty(Ok(folder)) => whole(folder.path())?,
            Place::Empty(Err(error)) => return Err(error.kind().into()),
        };
        let (perms, mode) = match self.access {
            Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
            Access::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
        };
        let dir = Arc::new(Dir::new(dir.into_std_file(), perms, mode, false));
        *open = Arc::downgrade(&dir);
        Ok(dir)
    }
}

/// What the files of all calls share.
pub(super) struct AllFiles {
    /// What `/` is: nothing to read, and told from everything else by its handle.
    root: File,
    open: AtomicUsize,
}

impl AllFiles {
    pub(super) fn new() -> io::Result<Self> {
        let root = File::new(fs::File::open("/dev/null")?, FsPerms::ReadOnly, OpenMode::empty(), false);
        Ok(Self { root, open: AtomicUsize::new(0) })
    }
}

/// Bytes that a call wrote to files.
#[derive(Debug, Default)]
struct Written(AtomicU64);

/// The call wants more of something than it may have.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("more {0} than a call may have")]
pub(super) struct TooMuch(pub(super) &'static str);

impl Written {
    fn charge(&self, bytes: u64) -> Result<(), TooMuch> {
        let before = self.0.load(Ordering::Relaxed);
        if bytes > MAX_WRITTEN.saturating_sub(before) {
            return Err(TooMuch("disk space"));
        }
        self.0.store(before + bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// What one call sees of files and did with them.
pub(super) struct Files {
    all: Arc<AllFiles>,
    grant: Arc<Grant>,
    folders: Arc<[Arc<Folder>]>,
    /// The folders that the guest asked for, so that they stay the same ones for as long as the call runs.
    held: Vec<Arc<Dir>>,
    /// Where each descriptor leads, as the guest knows it, by the descriptor's number. A number that is used again is set again.
    paths: HashMap<u32, String>,
    /// What the guest opened, as long as a descriptor or a stream of it is left.
    open: Vec<Weak<fs::File>>,
    opened: u64,
    listed: usize,
    written: Arc<Written>,
}

impl Files {
    pub(super) fn new(all: Arc<AllFiles>, grant: Arc<Grant>, folders: Arc<[Arc<Folder>]>) -> Self {
        Self {
            all,
            grant,
            folders,
            held: Vec::new(),
            paths: HashMap::new(),
            open: Vec::new(),
            opened: 0,
            listed: 0,
            written: Arc::default(),
        }
    }

    /// For the receipt.
    pub(super) fn used(&self) -> FileUse {
        FileUse { opened: self.opened, written: self.written.0.load(Ordering::Relaxed) }
    }

    /// What a guest has from the start, each with its path: the folders that can be opened, and `/`. Those that cannot are
    /// named when the guest asks for something in them.
    fn roots(&mut self) -> Vec<(Descriptor, String)> {
        let opened = self.folders.iter().filter_map(|folder| Some((folder.handle().ok()?, folder.path.seen_at())));
        let opened: Vec<_> = opened.collect();
        self.held = opened.iter().map(|(dir, _)| Arc::clone(dir)).collect();
        let folders = opened.into_iter().map(|(dir, path)| (Descriptor::Dir((*dir).clone()), path));
        folders.chain([(Descriptor::File(self.all.root.clone()), "/".to_owned())]).collect()
    }

    /// Remembers where a descriptor leads. Of a path that is too long to be shown, the beginning.
    fn note_path(&mut self, number: u32, path: &str) {
        self.paths.insert(number, text::shown(path, MAX_PATH));
    }

    fn is_root(&self, descriptor: &Descriptor) -> bool {
        matches!(descriptor, Descriptor::File(file) if Arc::ptr_eq(&file.file, &self.all.root.file))
    }

    /// Makes sure that the call may open one more.
    fn admit(&mut self) -> Result<(), Full> {
        self.close();
        if self.open.len() >= MAX_OPEN {
            return Err(Full::OfThisCall);
        }
        if self.all.open.load(Ordering::Relaxed) >= MAX_OPEN_IN_ALL { Err(Full::OfAll) } else { Ok(()) }
    }

    fn note_open(&mut self, file: &Arc<fs::File>) {
        self.opened += 1;
        self.open.push(Arc::downgrade(file));
        self.all.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what the guest does not hold any more.
    fn close(&mut self) {
        let before = self.open.len();
        self.open.retain(|file| file.strong_count() > 0);
        self.all.open.fetch_sub(before - self.open.len(), Ordering::Relaxed);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.all.open.fetch_sub(self.open.len(), Ordering::Relaxed);
    }
}

/// No further file can be opened.
enum Full {
    /// By this call, whatever it closes first.
    OfThisCall,
    /// Until another call closes one.
    OfAll,
}
