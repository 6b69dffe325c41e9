//! `wasi:filesystem`, with a look at each path before the runtime gets it.

use std::sync::Arc;

use cap_std::fs as confined;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator,
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
                HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
            },
        },
    },
};

use super::{ENTRY, Full, MAX_LISTED, TooMuch, output::Counted};
use crate::{policy::Grant, receipt::Denial, sandbox::state::CallState};

/// Takes the place of the runtime's own `wasi:filesystem`, which has to be in the linker already.
pub(in crate::sandbox) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<_, Seen>(linker, view)?;
    types::add_to_linker::<_, Seen>(linker, view)
}

struct Seen;

fn view(state: &mut CallState) -> View<'_> {
    View(state)
}

/// The files of one call.
struct View<'a>(&'a mut CallState);

impl HasData for Seen {
    type Data<'a> = View<'a>;
}

type Fd = Resource<Descriptor>;

/// What a path is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Read,
    Change,
}

impl View<'_> {
    fn runtime(&mut self) -> WasiFilesystemCtxView<'_> {
        self.0.filesystem()
    }

    fn is_root(&self, fd: &Fd) -> FsResult<bool> {
        Ok(self.0.files.is_root(self.0.table.get(fd)?))
    }

    fn refuse<T>(&self, denial: impl FnOnce(&Grant) -> Denial) -> FsResult<T> {
        self.0.egress.deny(denial(&self.0.files.grant));
        Err(ErrorCode::Access.into())
    }

    /// The whole path, as the guest would write it.
    fn whole(&self, fd: &Fd, path: &str) -> String {
        match (self.0.files.paths.get(&fd.rep()), path) {
            (Some(folder), "" | ".") => folder.clone(),
            (Some(folder), path) => format!("{}/{path}", folder.trim_end_matches('/')),
            (None, path) => path.to_owned(),
        }
    }

    /// The whole path, if it may be used like this as far as can be told from its folder.
    fn reach(&self, fd: &Fd, path: &str, need: Need) -> FsResult<String> {
        let whole = self.whole(fd, path);
        let descriptor = self.0.table.get(fd)?;
        if self.0.files.is_root(descriptor) {
            return self.refuse(|grant| grant.file_out_of_reach(&whole));
        }
        match descriptor {
            Descriptor::Dir(dir) if need == Need::Change && dir.perms.write_not_permitted() => {
                self.refuse(|grant| grant.file_only_read(&whole))
            }
            _ => Ok(whole),
        }
    }

    /// The same, where something new comes of it.
    fn reach_new(&self, fd: &Fd, path: &str) -> FsResult<String> {
        let whole = self.reach(fd, path, Need::Change)?;
        self.charge(ENTRY)?;
        Ok(whole)
    }

    /// Whether the guest may know what is there. That there is nothing outside of its folders is true enough, and it does not
    /// have to be told that it was refused: runtimes ask for many files by themselves.
    fn may_ask(&self, fd: &Fd) -> FsResult<()> {
        if self.is_root(fd)? { Err(ErrorCode::NoEntry.into()) } else { Ok(()) }
    }

    fn charge(&self, bytes: u64) -> FsResult<()> {
        self.0.files.written.charge(bytes).map_err(FsError::trap)
    }

    /// What the runtime says of a path, recorded where it says that the path leads out.
    fn judged<T>(&self, result: FsResult<T>, whole: &str) -> FsResult<T> {
        match result {
            Err(error) if matches!(error.downcast_ref(), Some(ErrorCode::NotPermitted)) => {
                self.refuse(|grant| grant.file_leads_out(whole))
            }
            result => result,
        }
    }

    /// Files and folders alone: opening a named pipe would wait for whoever writes to it, and devices are nobody's files.
    async fn refuse_what_is_no_file(&mut self, fd: &Fd, flags: PathFlags, path: &str) -> FsResult<()> {
        let stat = self.runtime().stat_at(borrowed(fd), flags, path.to_owned()).await;
        match stat.map(|stat| stat.type_) {
            Ok(DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink) | Err(_) => {
                Ok(())
            }
            Ok(_) => Err(ErrorCode::Unsupported.into()),
        }
    }

    fn counted(&mut self, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let file = self.0.table.delete(stream)?;
        let counted: DynOutputStream = Box::new(Counted::new(file, Arc::clone(&self.0.files.written)));
        Ok(self.0.table.push(counted)?)
    }
}

fn borrowed(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let mut directories = Vec::new();
        for (descriptor, path) in self.0.files.roots() {
            let fd = self.0.table.push(descriptor)?;
            self.0.files.note_path(fd.rep(), &path);
            directories.push((fd, path));
        }
        Ok(directories)
    }
}

impl types::Host for View<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.runtime(), error)
    }
}

impl HostDescriptor for View<'_> {
    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let creates = open_flags.contains(OpenFlags::CREATE);
        let changes = creates || open_flags.contains(OpenFlags::TRUNCATE) || flags.contains(DescriptorFlags::WRITE);
        let whole = self.reach(&fd, &path, if changes { Need::Change } else { Need::Read })?;
        self.refuse_what_is_no_file(&fd, path_flags, &path).await?;
        match self.0.files.admit() {
            Ok(()) => {}
            Err(Full::OfThisCall) => return Err(FsError::trap(TooMuch("open files"))),
            Err(Full::OfAll) => return Err(ErrorCode::Busy.into()),
        }
        if creates {
            self.charge(ENTRY)?;
        }
        let opened = self.runtime().open_at(fd, path_flags, path, open_flags, flags).await;
        let opened = self.judged(opened, &whole)?;
        let files = &mut self.0.files;
        match self.0.table.get(&opened)? {
            Descriptor::File(file) => files.note_open(&file.file),
            Descriptor::Dir(dir) => files.note_open(&dir.dir),
        }
        files.note_path(opened.rep(), &whole);
        Ok(opened)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let whole = self.reach_new(&fd, &path)?;
        let made = self.runtime().create_directory_at(fd, path).await;
        self.judged(made, &whole)
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        old_path_flags: PathFlags,
        old_path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        let old = self.reach(&fd, &old_path, Need::Change)?;
        self.reach_new(&new_fd, &new_path)?;
        let linked = self.runtime().link_at(fd, old_path_flags, old_path, new_fd, new_path).await;
        self.judged(linked, &old)
    }

    async fn rename_at(&mut self, fd: Fd, old_path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        let old = self.reach(&fd, &old_path, Need::Change)?;
        self.reach(&new_fd, &new_path, Need::Change)?;
        let renamed = self.runtime().rename_at(fd, old_path, new_fd, new_path).await;
        self.judged(renamed, &old)
    }

    /// The guest itself could not follow a link that leads out, but programs outside of the sandbox would.
    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let whole = self.reach_new(&fd, &path)?;
        if target.starts_with('/') || target.split('/').any(|part| part == "..") {
            return self.refuse(|grant| grant.file_leads_out(&target));
        }
        let linked = self.runtime().symlink_at(fd, target, path).await;
        self.judged(linked, &whole)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let whole = self.reach(&fd, &path, Need::Change)?;
        let removed = self.runtime().unlink_file_at(fd, path).await;
        self.judged(removed, &whole)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let whole = self.reach(&fd, &path, Need::Change)?;
        let removed = self.runtime().remove_directory_at(fd, path).await;
        self.judged(removed, &whole)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let whole = self.reach(&fd, &path, Need::Change)?;
        let set = self.runtime().set_times_at(fd, path_flags, path, accessed, modified).await;
        self.judged(set, &whole)
    }

    async fn stat_at(&mut self, fd: Fd, path_flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.may_ask(&fd)?;
        let whole = self.whole(&fd, &path);
        let stat = self.runtime().stat_at(fd, path_flags, path).await;
        self.judged(stat, &whole)
    }

    async fn metadata_hash_at(&mut self, fd: Fd, path_flags: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        self.may_ask(&fd)?;
        let whole = self.whole(&fd, &path);
        let hash = self.runtime().metadata_hash_at(fd, path_flags, path).await;
        self.judged(hash, &whole)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.may_ask(&fd)?;
        let whole = self.whole(&fd, &path);
        let target = self.runtime().readlink_at(fd, path).await;
        self.judged(target, &whole)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<ReaddirIterator>> {
        self.reach(&fd, "", Need::Read)?;
        if let Descriptor::Dir(dir) = self.0.table.get(&fd)? {
            // The runtime reads all of them at once, and holds them for as long as the guest likes.
            let (dir, most) = (Arc::clone(&dir.dir), MAX_LISTED - self.0.files.listed);
            let count = move || Ok(confined::Dir::from_std_file(dir.try_clone()?).entries()?.take(most + 1).count());
            let count: std::io::Result<usize> = tokio::task::spawn_blocking(count).await.map_err(FsError::trap)?;
            let names = count?;
            if names > most {
                return Err(FsError::trap(TooMuch("listed file names")));
            }
            self.0.files.listed += names;
        }
        self.runtime().read_directory(fd).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        self.charge(bytes.len() as u64)?;
        self.runtime().write(fd, bytes, offset).await
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        self.charge(size)?;
        self.runtime().set_size(fd, size).await
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.runtime().write_via_stream(fd, offset)?;
        self.counted(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.runtime().append_via_stream(fd)?;
        self.counted(stream)
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        if self.is_root(&fd)? { Ok(DescriptorType::Directory) } else { self.runtime().get_type(fd).await }
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        self.may_ask(&fd)?;
        self.runtime().stat(fd).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        self.may_ask(&fd)?;
        self.runtime().metadata_hash(fd).await
    }

    async fn advise(&mut self, fd: Fd, offset: u64, length: u64, advice: Advice) -> FsResult<()> {
        self.runtime().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.runtime().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.runtime().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.runtime().get_flags(fd).await
    }

    async fn set_times(&mut self, fd: Fd, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        self.runtime().set_times(fd, accessed, modified).await
    }

    async fn read(&mut self, fd: Fd, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        self.runtime().read(fd, length, offset).await
    }

    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        self.runtime().read_via_stream(fd, offset)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        self.runtime().is_same_object(a, b).await
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.runtime(), fd)
    }
}

impl HostDirectoryEntryStream for View<'_> {
    async fn read_directory_entry(&mut self, stream: Resource<ReaddirIterator>) -> FsResult<Option<DirectoryEntry>> {
        self.runtime().read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.runtime(), stream)
    }
}
