//! `toolcell.lock`: any text is read or refused, at a place that exists; what a lock file grants is the same after it was
//! written again.

use toolcell::{plugin::lock::LockFile, policy::Digest, source::Source};

use crate::text;

/// Reads the input as a lock file, writes what it means and reads that.
///
/// # Panics
///
/// When writing and reading change what is granted.
pub fn run(input: &[u8]) {
    let Some(text) = text::of(input) else { return };
    match LockFile::parse(&Source { file: "toolcell.lock", text }) {
        Err(error) => text::check_error(&error, text),
        Ok(lock) => {
            assert_eq!(lock.digest, Digest::of(input));
            let again = LockFile::text(&lock.entries).expect("what was read from TOML can be written as TOML");
            let read = LockFile::parse(&Source { file: "again", text: &again }).unwrap_or_else(|error| {
                panic!("{error} in {again}");
            });
            assert_eq!(read.entries, lock.entries, "{again}");
        }
    }
}
