//! The descriptors that the protocol runs on.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream as StdUnixStream,
    },
    thread,
};

use rustix::{
    fs::{FileType, fstat},
    io::fcntl_dupfd_cloexec,
    stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout},
};
use tokio::{
    io::{AsyncReadExt, Interest, Ready},
    net::{
        UnixStream,
        unix::pipe::{self, Receiver, Sender},
    },
    sync::oneshot,
};

/// The first descriptor that is none of the standard three.
const FIRST_FREE: i32 = 3;

/// The two ends of the protocol.
#[derive(Debug)]
pub struct Stdio {
    input: OwnedFd,
    output: OwnedFd,
}

impl Stdio {
    /// Takes standard input and output for the protocol alone. From then on, what reads standard input finds it empty, and
    /// what writes to standard output reaches standard error: nothing that is printed in this process, by a library or by a
    /// guest, can come between two messages. Call it before anything else can print.
    ///
    /// # Errors
    ///
    /// When the process may open no more files.
    pub fn take() -> io::Result<Self> {
        let input = fcntl_dupfd_cloexec(stdin(), FIRST_FREE)?;
        let output = fcntl_dupfd_cloexec(stdout(), FIRST_FREE)?;
        dup2_stdin(File::open("/dev/null")?)?;
        dup2_stdout(stderr())?;
        Ok(Self::new(input, output))
    }

    /// Two descriptors that nobody else uses: pipes, sockets, files or a terminal.
    #[must_use]
    pub fn new(input: OwnedFd, output: OwnedFd) -> Self {
        Self { input, output }
    }

    /// Registers both ends with the runtime.
    pub(super) fn register(self) -> io::Result<(Reader, Writer)> {
        Ok((Reader::new(self.input)?, Writer::new(self.output)?))
    }
}

/// The end that requests come from.
pub(super) enum Reader {
    Pipe(Receiver),
    Socket(UnixStream),
}

impl Reader {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(match Kind::of(&fd)? {
            Kind::Socket => Self::Socket(socket(fd)?),
            Kind::Pipe => {
                Self::Pipe(pipe::OpenOptions::new().open_receiver(anew(&fd)).or_else(|_| read_by_thread(fd))?)
            }
            Kind::Other => Self::Pipe(read_by_thread(fd)?),
        })
    }

    /// Appends what is there to `buffer`, up to its capacity, and says how much that was; nothing means the end. Nothing is
    /// lost when the future is dropped.
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.read_buf(buffer).await,
            Self::Socket(socket) => socket.read_buf(buffer).await,
        }
    }

    /// Whether the client has closed its end, though what it wrote before may still be unread.
    pub(super) async fn is_hung_up(&self) -> bool {
        let ready = async {
            match self {
                Self::Pipe(pipe) => pipe.ready(Interest::READABLE).await,
                Self::Socket(socket) => socket.ready(Interest::READABLE).await,
            }
        };
        tokio::select! {
            biased;
            ready = ready => ready.is_ok_and(Ready::is_read_closed),
            // Nothing to read, and no end either.
            () = std::future::ready(()) => false,
        }
    }
}

/// The end that answers go to.
pub(super) enum Writer {
    Pipe(Sender),
    Socket(UnixStream),
    /// A pipe to a thread, and what tells that the thread has ended.
    Thread(Sender, oneshot::Receiver<()>),
    Closed,
}

impl Writer {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(match Kind::of(&fd)? {
            Kind::Socket => Self::Socket(socket(fd)?),
            Kind::Pipe => match pipe::OpenOptions::new().open_sender(anew(&fd)) {
                Ok(pipe) => Self::Pipe(pipe),
                Err(_) => write_by_thread(fd)?,
            },
            Kind::Other => write_by_thread(fd)?,
        })
    }

    /// Writes as much as is taken now; `WouldBlock` if that is nothing.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) | Self::Thread(pipe, _) => pipe.try_write(bytes),
            Self::Socket(socket) => socket.try_write(bytes),
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Waits until something would be taken, or the other end is gone.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Pipe(pipe) | Self::Thread(pipe, _) => pipe.writable().await,
            Self::Socket(socket) => socket.writable().await,
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Closes this end; the future ends when everything has arrived where it was written to.
    pub(super) async fn close(&mut self) {
        if let Self::Thread(pipe, ended) = std::mem::replace(self, Self::Closed) {
            drop(pipe);
            // An error is what the thread leaves behind when it ends.
            let _ = ended.await;
        }
    }
}

/// How a descriptor can be waited for.
enum Kind {
    /// As a pipe, opened anew: that it does not block then concerns nobody who shares the old one.
    Pipe,
    /// As a socket, which cannot be opened anew.
    Socket,
    /// By a thread only: a file, a terminal, `/dev/null`, or a socket that carries the log too, which has to block.
    Other,
}

impl Kind {
    fn of(fd: &OwnedFd) -> io::Result<Self> {
        let (this, log) = (fstat(fd)?, fstat(stderr())?);
        Ok(match FileType::from_raw_mode(this.st_mode) {
            FileType::Fifo => Self::Pipe,
            FileType::Socket if (this.st_dev, this.st_ino) != (log.st_dev, log.st_ino) => Self::Socket,
            _ => Self::Other,
        })
    }
}

/// Where Linux lets a pipe be opened a second time; elsewhere a thread does the waiting.
fn anew(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let socket = StdUnixStream::from(fd);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// A pipe that a thread fills from `fd`. The thread ends with the input, or with the process.
fn read_by_thread(fd: OwnedFd) -> io::Result<Receiver> {
    let (reader, mut writer) = io::pipe()?;
    thread::Builder::new().name("mcp-input".to_owned()).spawn(move || {
        if let Err(error) = io::copy(&mut File::from(fd), &mut writer) {
            tracing::debug!(%error, "standard input can be read no further");
        }
    })?;
    Receiver::from_owned_fd(reader.into())
}

/// A pipe that a thread empties into `fd`.
fn write_by_thread(fd: OwnedFd) -> io::Result<Writer> {
    let (mut reader, writer) = io::pipe()?;
    let (ended, thread) = oneshot::channel();
    thread::Builder::new().name("mcp-output".to_owned()).spawn(move || {
        let _ended = ended;
        if let Err(error) = io::copy(&mut reader, &mut File::from(fd)) {
            tracing::debug!(%error, "standard output can be written no further");
        }
    })?;
    Ok(Writer::Thread(Sender::from_owned_fd(writer.into())?, thread))
}
