//! Entries of the code cache, changed: only the bytes that were stored, under the name they were stored by, are accepted.
//!
//! The input is what is stored and then what is done to it, four bytes a change.

use std::sync::OnceLock;

use tempfile::TempDir;
use toolcell::{policy::Digest, sandbox::CodeCache};

/// Seals some bytes and opens what became of them.
///
/// # Panics
///
/// When anything but the sealed bytes is opened.
pub fn run(input: &[u8]) {
    let (ours, other_key) = caches();
    let Some((&length, rest)) = input.split_first() else { return };
    let (code, changes) = rest.split_at(usize::from(length).min(rest.len()));
    let (name, other_name) = (Digest::of(b"one").hex(), Digest::of(b"another").hex());
    let sealed = ours.seal(&name, code);
    assert_eq!(ours.open_sealed(&name, &sealed), Some(code));
    assert_eq!(ours.open_sealed(&other_name, &sealed), None, "under the name of another");
    assert_eq!(other_key.open_sealed(&name, &sealed), None, "with another key");
    // libFuzzer sees the right hash being compared, and comes to write sound entries by itself.
    assert!(ours.open_sealed(&name, input).is_none_or(|code| ours.seal(&name, code) == input), "never sealed");
    let mut changed = sealed.clone();
    for change in changes.chunks_exact(4) {
        apply(&mut changed, change);
    }
    assert_eq!(ours.open_sealed(&name, &changed).is_some(), changed == sealed, "{changed:?}");
}

fn apply(bytes: &mut Vec<u8>, change: &[u8]) {
    let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % (bytes.len() + 1);
    match change[0] % 5 {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, change[3]),
        2 => bytes.rotate_left(at),
        3 => drop(bytes.drain(at..(at + usize::from(change[3])).min(bytes.len()))),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change[3]),
    }
}

/// Two caches with different keys. Nothing is written: the folder is only what a cache needs to be opened.
fn caches() -> &'static (CodeCache, CodeCache) {
    static CACHES: OnceLock<(CodeCache, CodeCache)> = OnceLock::new();
    CACHES.get_or_init(|| {
        let folder = TempDir::new().expect("a temporary folder");
        let open = |key| CodeCache::open(folder.path(), [key; 32]).expect("the folder is private");
        (open(1), open(2))
    })
}
