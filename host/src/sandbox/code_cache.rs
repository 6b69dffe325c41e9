//! Compiled code kept across restarts. It is machine code that the process will run, so it is treated as such: private
//! files, an owner check, and a keyed hash over what is loaded. Whatever is wrong with an entry, the component is compiled
//! again; nothing is ever loaded in doubt.

use std::{
    fs::{self, File},
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use wasmtime::{Engine, component::Component};

use crate::policy::Digest;

/// Bytes of the keyed hash at the start of an entry.
const TAG: usize = 32;

/// A folder of compiled code, readable by this user alone.
#[derive(Debug, Clone)]
pub struct CodeCache {
    folder: PathBuf,
    key: [u8; 32],
}

impl CodeCache {
    /// The cache in this folder, which is made if it is missing. `key` authenticates entries: 32 random bytes that only
    /// this user can read.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, is not a folder, belongs to somebody else, or others can write to it.
    pub fn open(folder: &Path, key: [u8; 32]) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        check_private(&fs::symlink_metadata(folder)?)?;
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The compiled code of the component with this digest, if a sound entry for this engine's settings is there.
    pub(super) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let name = entry_name(engine, digest);
        let entry = match read_entry(&self.folder.join(&name)) {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("compiled code not used, compiling again: {name}: {error}");
                return None;
            }
        };
        // What is verified is what is loaded: one buffer, so that a file that changes in between changes nothing.
        let Some(code) = self.open_sealed(&name, &entry) else {
            tracing::warn!("compiled code not used, compiling again: {name}: not written by this user's toolcell");
            return None;
        };
        match deserialize(engine, code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!("compiled code not used, compiling again: {name}: {error:#}");
                None
            }
        }
    }

    /// Whether there is an entry, sound or not.
    pub(super) fn has(&self, engine: &Engine, digest: &Digest) -> bool {
        self.folder.join(entry_name(engine, digest)).exists()
    }

    /// Keeps compiled code. A failure is logged and otherwise harmless.
    pub(super) fn store(&self, engine: &Engine, digest: &Digest, code: &[u8]) {
        let name = entry_name(engine, digest);
        if let Err(error) = self.write_entry(&name, code) {
            tracing::warn!("compiled code not kept: {name}: {error}");
        }
    }

    fn write_entry(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.{}.new", std::process::id()));
        // Left by a process of the same number that died while it wrote.
        let _ = fs::remove_file(&temporary);
        let written = (|| {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&self.seal(name, code))?;
            fs::rename(&temporary, self.folder.join(name))
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// An entry as it is kept: a keyed hash, and what it covers.
    #[must_use]
    pub fn seal(&self, name: &str, code: &[u8]) -> Vec<u8> {
        [self.tag(name, code).as_bytes(), code].concat()
    }

    /// What was sealed under this name with this key; `None` for anything else.
    #[must_use]
    pub fn open_sealed<'a>(&self, name: &str, entry: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, code) = entry.split_at_checked(TAG)?;
        // Comparing hashes takes the same time wherever they differ.
        (self.tag(name, code) == *<&[u8; TAG]>::try_from(tag).ok()?).then_some(code)
    }

    /// Covers the name as well, so that an entry cannot stand in for another.
    fn tag(&self, name: &str, code: &[u8]) -> blake3::Hash {
        blake3::Hasher::new_keyed(&self.key).update(name.as_bytes()).update(&[0]).update(code).finalize()
    }
}

/// Digest of the component and of everything in the engine's settings and version that compiled code depends on.
fn entry_name(engine: &Engine, digest: &Digest) -> String {
    let mut settings = StableHasher(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    settings.0.update(digest.as_bytes());
    format!("{}.cwasm", settings.0.finalize().to_hex())
}

/// Feeds what `Hash` writes to a hash that is the same in every process.
struct StableHasher(blake3::Hasher);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(std::array::from_fn(|i| hash.as_bytes()[i]))
    }
}

fn read_entry(path: &Path) -> io::Result<Vec<u8>> {
    // Without the second flag, opening a named pipe would wait for a writer.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    check_private(&metadata)?;
    let mut entry = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut entry)?;
    Ok(entry)
}

fn check_private(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 || metadata.file_type().is_symlink() {
        return Err(io::Error::other("others can write to it; expected permissions 0700 (folder) or 0600 (file)"));
    }
    Ok(())
}

/// Makes machine code of bytes that came from [`Engine::precompile_component`].
#[expect(unsafe_code, reason = "wasmtime cannot check compiled code; both callers know where the bytes come from")]
pub(super) fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes were made by `precompile_component` in this version of toolcell: either this process received them
    // from the compiler it ran, or they carry a keyed hash that only this user's toolcell can make and that was verified
    // over these very bytes. wasmtime itself checks that version and settings are its own.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// The smallest component: magic, version 13, layer 1.
    pub(in crate::sandbox) const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Fixture {
        engine: Engine,
        cache: CodeCache,
        digest: Digest,
        entry: PathBuf,
        folder: tempfile::TempDir,
    }

    /// A cache with one sound entry.
    fn fixture() -> Fixture {
        let engine = Engine::new(&super::super::engine::config()).expect("an engine can be made");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let cache = CodeCache::open(&folder.path().join("code"), [7; 32]).expect("the folder is private");
        let digest = Digest::of(EMPTY);
        cache.store(&engine, &digest, &engine.precompile_component(EMPTY).expect("it compiles"));
        let entry = folder.path().join("code").join(entry_name(&engine, &digest));
        let fixture = Fixture { engine, cache, digest, entry, folder };
        assert!(fixture.is_loaded());
        fixture
    }

    impl Fixture {
        fn is_loaded(&self) -> bool {
            self.cache.load(&self.engine, &self.digest).is_some()
        }
    }

    #[test]
    fn a_changed_byte_is_not_loaded() {
        let Fixture { engine, cache, digest, entry, folder: _kept } = fixture();
        let (name, sound) = (entry_name(&engine, &digest), fs::read(&entry).expect("the entry is there"));
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(cache.open_sealed(&name, &changed).is_none(), "byte {at}");
        }
        // Through the file it takes longer, so that not every byte has its turn.
        for at in (0..sound.len()).step_by(sound.len() / 97 + 1) {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            fs::write(&entry, &changed).expect("the entry is ours");
            assert!(cache.load(&engine, &digest).is_none(), "byte {at}");
        }
        eprintln!("{} bytes of an entry, each changed once, none loaded", sound.len());
    }

    #[test]
    fn more_or_less_than_what_was_stored_is_not_loaded() {
        let fixture = fixture();
        let sound = fs::read(&fixture.entry).expect("the entry is there");
        for length in [0, 1, TAG - 1, TAG, TAG + 1, sound.len() / 2, sound.len() - 1] {
            fs::write(&fixture.entry, &sound[..length]).expect("the entry is ours");
            assert!(!fixture.is_loaded(), "{length} bytes");
        }
        fs::write(&fixture.entry, [&sound[..], b"\0"].concat()).expect("the entry is ours");
        assert!(!fixture.is_loaded(), "a byte more");
        fs::write(&fixture.entry, &sound).expect("the entry is ours");
        assert!(fixture.is_loaded());
    }

    #[test]
    fn an_entry_does_not_stand_in_for_another() {
        let fixture = fixture();
        let other = Digest::of(b"other");
        let there = fixture.folder.path().join("code").join(entry_name(&fixture.engine, &other));
        fs::copy(&fixture.entry, there).expect("the folder is ours");
        assert!(fixture.cache.load(&fixture.engine, &other).is_none());
    }

    #[test]
    fn another_key_is_not_trusted() {
        let fixture = fixture();
        let other = CodeCache::open(&fixture.folder.path().join("code"), [8; 32]).expect("the folder is private");
        assert!(other.load(&fixture.engine, &fixture.digest).is_none());
    }

    /// Both are sound entries of this user's, of two components that were compiled.
    #[test]
    fn entries_that_changed_places_are_not_loaded() {
        let Fixture { engine, cache, digest, entry, folder } = fixture();
        // An empty custom section makes it another component.
        let wasm = [EMPTY, b"\0\x01\0"].concat();
        let other = Digest::of(&wasm);
        cache.store(&engine, &other, &engine.precompile_component(&wasm).expect("it compiles"));
        let of_other = folder.path().join("code").join(entry_name(&engine, &other));
        assert!(cache.load(&engine, &other).is_some());
        let aside = folder.path().join("aside");
        for (from, to) in [(&entry, &aside), (&of_other, &entry), (&aside, &of_other)] {
            fs::rename(from, to).expect("the entries are ours");
        }
        assert!(cache.load(&engine, &digest).is_none() && cache.load(&engine, &other).is_none());
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let fixture = fixture();
        fs::remove_file(&fixture.entry).expect("the entry is ours");
        fs::create_dir(&fixture.entry).expect("the folder is ours");
        assert!(!fixture.is_loaded(), "a folder");
        fs::remove_dir(&fixture.entry).expect("the folder is ours");
        // Opening a pipe that nobody writes to must not wait.
        let permissions = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &fixture.entry, permissions).expect("the folder is ours");
        assert!(!fixture.is_loaded(), "a named pipe");
    }

    /// Only root can give files away, so that it is only tried where root runs the tests.
    #[test]
    fn what_belongs_to_another_user_is_not_trusted() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let fixture = fixture();
        std::os::unix::fs::chown(&fixture.entry, Some(12_345), None).expect("root may");
        assert!(!fixture.is_loaded());
        std::os::unix::fs::chown(&fixture.entry, Some(0), None).expect("root may");
        assert!(fixture.is_loaded());
        let code = fixture.folder.path().join("code");
        std::os::unix::fs::chown(&code, Some(12_345), None).expect("root may");
        assert!(CodeCache::open(&code, [7; 32]).is_err());
    }

    #[test]
    fn a_link_is_no_folder_for_code() {
        let fixture = fixture();
        let (code, link) = (fixture.folder.path().join("code"), fixture.folder.path().join("link"));
        symlink(&code, &link).expect("the folder is ours");
        assert!(CodeCache::open(&link, [7; 32]).is_err());
    }

    /// Whatever is wrong with it, a bad entry is replaced by a sound one.
    #[tokio::test]
    async fn a_component_with_a_bad_entry_is_compiled_again() {
        use crate::sandbox::{LoadError, Sandbox, Settings};
        let folder = tempfile::tempdir().expect("a folder can be made");
        let code = folder.path().join("code");
        let cache = || CodeCache::open(&code, [7; 32]).expect("the folder is private");
        let settings = Settings { slots: 1, code_cache: Some(cache()), ..Settings::default() };
        let sandbox = Sandbox::new(settings).expect("a sandbox");
        let digest = Digest::of(EMPTY);
        let entry = code.join(entry_name(&sandbox.engine, &digest));
        for bad in [None, Some("nothing of ours")] {
            if let Some(bad) = bad {
                fs::write(&entry, bad).expect("the entry is ours");
            }
            let loaded = sandbox.load(EMPTY, &digest).await;
            assert!(matches!(loaded, Err(LoadError::Plain(_))), "it compiles and exports nothing: {loaded:?}");
            assert!(cache().load(&sandbox.engine, &digest).is_some(), "a sound entry is there");
        }
        assert_eq!(fs::read_dir(&code).expect("the folder is ours").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn links_and_open_permissions_are_not_trusted() {
        let fixture = fixture();
        let elsewhere = fixture.folder.path().join("elsewhere");
        fs::rename(&fixture.entry, &elsewhere).expect("the entry is ours");
        symlink(&elsewhere, &fixture.entry).expect("the folder is ours");
        assert!(!fixture.is_loaded());
        fs::rename(&elsewhere, &fixture.entry).expect("the entry is ours");
        assert!(fixture.is_loaded());
        fs::set_permissions(&fixture.entry, fs::Permissions::from_mode(0o666)).expect("the entry is ours");
        assert!(!fixture.is_loaded());
        let code = fixture.folder.path().join("code");
        fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).expect("the folder is ours");
        assert!(CodeCache::open(&code, [7; 32]).is_err());
    }
}
