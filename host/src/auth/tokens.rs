//! Static tokens: the file that has them, and what a running server knows of it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio_util::task::AbortOnDropHandle;

use super::{Reason, TokenList, UserName, token};
use crate::{
    plugin::acceptance::State,
    source::{Source, SourceError},
    write_file::{self, Readers},
};

/// Where the hashes of tokens are.
#[derive(Debug)]
pub enum TokenFile {
    /// In the private state of whoever runs Toolcell.
    Private(State),
    /// Where toolcell.toml says. It may be a symbolic link: mounted secrets are.
    At(PathBuf),
}

impl TokenFile {
    /// The file's name in the private state.
    const NAME: &'static str = "tokens.toml";

    /// Bytes of the file at most: some five thousand tokens.
    const MOST: u64 = 1 << 20;

    /// Its path, for people.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Private(state) => state.path().join(Self::NAME),
            Self::At(path) => path.clone(),
        }
    }

    /// What it holds; `None` where there is no file.
    ///
    /// # Errors
    ///
    /// It cannot be read, somebody else could have written the private one, or something in it is not as it has to be.
    pub fn read(&self) -> Result<Option<TokenList>, SourceError> {
        let shown = self.path().display().to_string();
        let of_file = |message: String| SourceError::of_file(shown.clone(), message);
        let read = match self {
            Self::Private(state) => state.file(Self::NAME, Self::MOST + 1).map_err(|error| of_file(error.problem))?,
            Self::At(path) => at_most(path, Self::MOST + 1).map_err(|error| of_file(error.to_string()))?,
        };
        let Some(bytes) = read else { return Ok(None) };
        if bytes.len() as u64 > Self::MOST {
            return Err(of_file("is larger than 1MiB".to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|_| of_file("is not text in UTF-8".to_owned()))?;
        TokenList::parse(&Source { file: &shown, text: &text }).map(Some)
    }

    /// Changes what it holds, one change after the other, and makes it if need be.
    ///
    /// # Errors
    ///
    /// Those of [`TokenFile::read`], or it cannot be written.
    pub fn change<T>(&self, change: impl FnOnce(&mut TokenList) -> T) -> Result<T, SourceError> {
        let path = self.path();
        let of_file = |error: io::Error| SourceError::of_file(path.display().to_string(), error.to_string());
        // Held until the end of this function.
        let _lock = lock_folder(&path).map_err(of_file)?;
        let before = self.read()?;
        let mut list = before.clone().unwrap_or_default();
        let changed = change(&mut list);
        if before.as_ref() != Some(&list) {
            let readers = match self {
                Self::Private(_) => Readers::Owner,
                // Where it is mounted, somebody else may have to read it.
                Self::At(_) => Readers::Everybody,
            };
            let text = list.text().map_err(io::Error::other).map_err(of_file)?;
            write_file::replace(&path, text.as_bytes(), readers).map_err(of_file)?;
        }
        Ok(changed)
    }
}

/// Where a file system has no locks, two changes at the same time may lose one of them.
fn lock_folder(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder)?;
    match folder.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(folder),
    }
}

fn at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The tokens that a running server knows. It looks at the file every second.
#[derive(Debug)]
pub(super) struct Tokens {
    known: Arc<ArcSwap<Known>>,
    _watch: AbortOnDropHandle<()>,
}

/// What the file was when it was last looked at.
#[derive(Debug, PartialEq)]
enum Known {
    /// There never was one.
    NoFile,
    /// The file; empty where it has gone or cannot be read, so that doubt closes.
    List(TokenList),
}

impl Tokens {
    /// How often the file is looked at. Not by notifications: network file systems and mounted secrets send none.
    const EVERY: Duration = Duration::from_secs(1);

    /// Has to run in a runtime.
    pub(super) fn start(file: TokenFile) -> Result<Self, SourceError> {
        let known = match (file.read()?, &file) {
            (Some(list), _) => Known::List(list),
            (None, TokenFile::Private(_)) => Known::NoFile,
            (None, TokenFile::At(path)) => {
                let problem = "does not exist; `toolcell token new NAME` makes it, with a first token";
                return Err(SourceError::of_file(path.display().to_string(), problem));
            }
        };
        let known = Arc::new(ArcSwap::from_pointee(known));
        let watch = tokio::spawn(watch(Arc::new(file), Arc::clone(&known)));
        Ok(Self { known, _watch: AbortOnDropHandle::new(watch) })
    }

    /// Whether there is or was a file.
    pub(super) fn exist(&self) -> bool {
        **self.known.load() != Known::NoFile
    }

    pub(super) fn count(&self) -> usize {
        match &**self.known.load() {
            Known::NoFile => 0,
            Known::List(list) => list.entries.len(),
        }
    }

    /// Whose token this is.
    pub(super) fn user(&self, presented: &str) -> Result<UserName, Reason> {
        let known = self.known.load();
        let Known::List(list) = &**known else { return Err(Reason::UnknownToken) };
        let entry = list.find(&token::digest(presented)).ok_or(Reason::UnknownToken)?;
        if entry.has_expired(Timestamp::now()) {
            return Err(Reason::ExpiredToken { user: entry.user.clone() });
        }
        Ok(entry.user.clone())
    }
}

async fn watch(file: Arc<TokenFile>, known: Arc<ArcSwap<Known>>) {
    let mut problem = None;
    loop {
        tokio::time::sleep(Tokens::EVERY).await;
        let reader = Arc::clone(&file);
        // A file on a server that hangs must not hold up the requests.
        let Ok(read) = tokio::task::spawn_blocking(move || reader.read()).await else { continue };
        let before = known.load_full();
        let (now, new_problem) = match read {
            Ok(Some(list)) => (Known::List(list), None),
            Ok(None) if *before == Known::NoFile => (Known::NoFile, None),
            Ok(None) => (Known::List(TokenList::default()), Some(format!("{} has gone", file.path().display()))),
            Err(error) => (Known::List(TokenList::default()), Some(error.to_string())),
        };
        if let Some(problem) = new_problem.as_ref().filter(|new| problem.as_ref() != Some(*new)) {
            tracing::error!("no token is accepted until this is mended: {problem}");
        }
        problem = new_problem;
        if now != *before {
            known.store(Arc::new(now));
            tracing::info!("the tokens have changed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn private(dir: &Path) -> TokenFile {
        TokenFile::Private(State::at(&dir.join("state")).expect("the folder can be made"))
    }

    fn at(dir: &Path) -> TokenFile {
        TokenFile::At(dir.join("tokens.toml"))
    }

    fn name(text: &str) -> UserName {
        text.parse().expect("a name")
    }

    #[test]
    fn changes_are_kept_one_after_the_other() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (file, mode) in [(private(dir.path()), 0o600), (at(dir.path()), 0o644)] {
            assert_eq!(file.read(), Ok(None));
            std::thread::scope(|scope| {
                for number in 0..8 {
                    let file = &file;
                    let add = move |list: &mut TokenList| list.add(name(&format!("user{number}")), None).is_ok();
                    scope.spawn(move || assert_eq!(file.change(add), Ok(true)));
                }
            });
            assert_eq!(file.read().expect("it is good").expect("it is there").entries.len(), 8);
            let permissions = fs::metadata(file.path()).expect("it is there").permissions();
            assert_eq!(permissions.mode() & 0o777 & !mode, 0, "{:o}", permissions.mode());
        }
    }

    #[test]
    fn what_cannot_be_believed_is_an_error() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = private(dir.path());
        file.change(|list| list.add(name("alice"), None).is_ok()).expect("it can be written");
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o660)).expect("it is ours");
        assert!(file.read().expect_err("others could have written it").message.contains("is open to other users"));

        let file = at(dir.path());
        fs::write(file.path(), vec![b'#'; (1 << 20) + 1]).expect("the folder is ours");
        assert_eq!(file.read().expect_err("it is too large").message, "is larger than 1MiB");
        fs::write(file.path(), [0xff]).expect("the folder is ours");
        assert_eq!(file.read().expect_err("it is no text").message, "is not text in UTF-8");
        fs::remove_file(file.path()).expect("the folder is ours");
        let error = Tokens::start(file).expect_err("a file that is named has to be there");
        assert_eq!(error.message, "does not exist; `toolcell token new NAME` makes it, with a first token");
    }

    #[tokio::test]
    async fn a_running_server_follows_the_file_and_doubt_closes() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let tokens = Tokens::start(private(dir.path())).expect("there is no file yet");
        assert!(!tokens.exist());
        let file = private(dir.path());
        let token = file.change(|list| list.add(name("alice"), None)).expect("it can be written").expect("random bits");
        let user = || tokens.user(token.reveal());
        let becomes = async |accepted: bool| {
            for _ in 0..3000 {
                if user().is_ok() == accepted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("the file was not looked at");
        };
        becomes(true).await;
        let text = fs::read_to_string(file.path()).expect("it is there");
        fs::write(file.path(), "[[token]]").expect("it is ours");
        becomes(false).await;
        fs::write(file.path(), &text).expect("it is ours");
        becomes(true).await;
        assert_eq!(tokens.count(), 1);
        fs::remove_file(file.path()).expect("it is ours");
        becomes(false).await;
        assert!(tokens.exist(), "a file that has gone does not open the server");
    }
}
