//! Where lines go: a file that several hosts may write at once, or standard output.
//!
//! Writers of one file take its lock (`flock`) for each write, so that lines never mix, a full file is put aside by
//! one of them alone, and what a full disk or a killed process left half-written is mended by whoever comes next.
//! Appending alone would not do: it keeps writes whole only on local disks, and not where one is cut short.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, openat};

use super::record::Record;

/// How many times a file may be put aside between opening and locking it.
const MOST_TRIES: usize = 100;

/// Where lines go.
#[derive(Debug)]
pub(super) enum Sink {
    File(LogFile),
    Stdout,
}

impl Sink {
    /// Writes whole lines: all or none of them, as far as that is in anybody's power.
    pub(super) fn append(&mut self, lines: &str) -> io::Result<()> {
        match self {
            Self::File(file) => file.append(lines),
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines.as_bytes())?;
                out.flush()
            }
        }
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Stdout => "standard output".to_owned(),
        }
    }
}

/// A file of bounded size, with full ones before it beside it: `audit.jsonl.1` is the youngest of those.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max: u64,
    keep: u32,
    open: Option<File>,
    /// Whether it was said that a full file could not be put aside.
    said: bool,
}

impl LogFile {
    pub(super) fn new(path: PathBuf, max: u64, keep: u32) -> Self {
        Self { path, max, keep, open: None, said: false }
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        for _ in 0..MOST_TRIES {
            let file = match self.open.take() {
                Some(file) => file,
                None => open(&self.path)?,
            };
            if !file.metadata()?.is_file() {
                // A device: nothing to lock, to count or to put aside.
                (&file).write_all(lines.as_bytes())?;
                self.open = Some(file);
                return Ok(());
            }
            let locked = Locked::new(&file)?;
            if !is_at(&file, &self.path) {
                continue;
            }
            let length = file.metadata()?.len();
            if length > 0 && length.saturating_add(lines.len() as u64) > self.max && self.rotate() {
                continue;
            }
            write(&file, length, lines)?;
            drop(locked);
            self.open = Some(file);
            return Ok(());
        }
        Err(io::Error::other("is replaced faster than it can be written"))
    }

    /// Puts the full file aside, or says once why it cannot be.
    fn rotate(&mut self) -> bool {
        let rotated = self.put_aside();
        if let Err(error) = &rotated
            && !std::mem::replace(&mut self.said, true)
        {
            let path = self.path.display();
            tracing::warn!("the audit log {path} is full and cannot be put aside, so it grows: {error}");
        }
        rotated.is_ok()
    }

    /// The lock of the current file is held. Each name is free before it is taken, and the current file goes last, so
    /// that nobody begins the next before all is done.
    fn put_aside(&self) -> io::Result<()> {
        let aside = |number: u32| numbered(&self.path, number);
        // With those that were kept when more were.
        for number in (self.keep..).take_while(|number| aside(*number).exists()) {
            fs::remove_file(aside(number))?;
        }
        for number in (1..self.keep).rev().filter(|number| aside(*number).exists()) {
            fs::rename(aside(number), aside(number + 1))?;
        }
        fs::rename(&self.path, aside(1))
    }
}

/// The file of this number beside the one at `path`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn open(path: &Path) -> io::Result<File> {
    // Without NONBLOCK, a pipe that nobody reads would hold everything up.
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::RUSR | Mode::WUSR)?);
    let metadata = file.metadata()?;
    if metadata.is_file() {
        is_log(&file, metadata.len())?;
    } else if !metadata.file_type().is_char_device() {
        return Err(io::Error::other("is neither a file nor a device"));
    }
    Ok(file)
}

/// Refuses to add to what is something else. A file may have been cut off in its first line.
fn is_log(file: &File, length: u64) -> io::Result<()> {
    let mut beginning = Record::BEGINNING.as_bytes().to_owned();
    beginning.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    let mut there = vec![0; beginning.len()];
    file.read_exact_at(&mut there, 0)?;
    if there == beginning { Ok(()) } else { Err(io::Error::other("holds something else than an audit log")) }
}

/// Whether the file is the one that has this path by now.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => identity(open) == identity(there),
        _ => false,
    }
}

/// Adds lines to a file of this length. Where that fails, as on a full disk, none of them is there.
fn write(mut file: &File, length: u64, lines: &str) -> io::Result<()> {
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    let written = if last == *b"\n" {
        file.write_all(lines.as_bytes())
    } else {
        // Somebody was killed while writing; what is left of that line stays, and stays one line.
        file.write_all(format!("\n{lines}").as_bytes())
    };
    if written.is_err() {
        let _ = file.set_len(length);
    }
    written
}

/// A file whose lock is held.
struct Locked<'a>(&'a File);

impl<'a> Locked<'a> {
    fn new(file: &'a File) -> io::Result<Self> {
        while let Err(error) = flock(file, FlockOperation::LockExclusive) {
            if error != rustix::io::Errno::INTR {
                return Err(error.into());
            }
        }
        Ok(Self(file))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

/// The files of a log as they are at one moment, the youngest first, each with its path.
pub(super) fn files(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let current = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Nobody puts a file aside meanwhile. Where the lock is not to be had, a file may be missed.
    let lock = current.as_ref().map(|file| flock(file, FlockOperation::NonBlockingLockShared));
    let mut files: Vec<_> = current.map(|file| (path.to_owned(), file)).into_iter().collect();
    for number in 1.. {
        let path = numbered(path, number);
        match File::open(&path) {
            Ok(file) => files.push((path, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    if let (Some(Ok(())), Some((_, file))) = (lock, files.first()) {
        let _ = flock(file, FlockOperation::Unlock);
    }
    Ok(files)
}

/// The bytes that a file has now: what is being added is for the next who looks.
pub(super) fn contents(mut file: File) -> io::Result<io::Take<File>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    Ok(file.take(length))
}
