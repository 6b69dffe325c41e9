//! A tar archive that depends on nothing but what is in it.

use std::io;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A file of the archive.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

/// The bytes of a compressed archive with these files in one folder: sorted, of nobody, and all of the same time.
pub(super) fn make(folder: &str, mut entries: Vec<Entry>, time: u64) -> io::Result<Vec<u8>> {
    entries.sort_by_key(|entry| entry.name);
    // Without a name and with time 0 in gzip's own head.
    let compressed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut builder = Builder::new(compressed);
    for Entry { name, mode, bytes } in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, format!("{folder}/{name}"), bytes.as_slice())?;
    }
    builder.into_inner()?.finish()
}
