//! Where clients come in: a TCP address, a Unix socket, or what systemd has opened before.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// Who may use a Unix socket: its owner and its group, which is how a proxy that runs as somebody else is let in.
const SOCKET_MODE: u32 = 0o660;

/// Connections that wait to be accepted: as many as can come while nothing runs for a moment.
const BACKLOG: u32 = 1024;

/// Where to listen, as the command line has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address and a port; port 0 is one that is free.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
    /// The sockets that systemd opened and hands over (`sd_listen_fds(3)`).
    Systemd,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Ok(Self::Unix(path.into())),
            None if text == "systemd" => Ok(Self::Systemd),
            _ => text.parse().map(Self::Tcp).map_err(|_| {
                "expected an address and a port such as 127.0.0.1:8080, unix:PATH, or systemd for the sockets that \
                 systemd opened"
                    .to_owned()
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

impl Address {
    /// Listens there. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// Somebody else listens there, it is not ours to listen at, or systemd has handed over nothing that can be listened at.
    pub fn listen(&self) -> io::Result<Vec<Listener>> {
        match self {
            Self::Tcp(address) => Ok(vec![Listener::Tcp(tcp(*address)?)]),
            Self::Unix(path) => Ok(vec![unix(path)?]),
            Self::Systemd => systemd(),
        }
    }
}

/// One place where clients come in.
#[derive(Debug)]
pub enum Listener {
    /// An address of this machine.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener, Option<SocketFile>),
}

impl Listener {
    /// Whether nobody on another machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback()),
            Self::Unix(..) => true,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers are written whole, so that waiting for more to send only costs time.
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Peer::Address(address)))
            }
            Self::Unix(listener, _) => Ok((Stream::Unix(listener.accept().await?.0), Peer::Unix)),
        }
    }
}

/// The address, for people.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("an unknown address"),
            },
            Self::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(tokio::net::unix::SocketAddr::as_pathname);
                write!(f, "unix:{}", path.unwrap_or(Path::new("")).display())
            }
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody at this address.
    Address(SocketAddr),
    /// A process on this machine that may use the socket.
    Unix,
}

impl Peer {
    /// By what its connections are counted; nothing for a Unix socket. Of IPv6, what one customer gets: whoever has one
    /// address there has 2^64.
    pub(super) fn network(self) -> Option<IpAddr> {
        match self {
            Self::Unix => None,
            Self::Address(address) => Some(match address.ip().to_canonical() {
                IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
                v4 @ IpAddr::V4(_) => v4,
            }),
        }
    }
}

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The file of a Unix socket, removed with this.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that is gone already is as good.
        let _ = fs::remove_file(&self.0);
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a server that has ended do not keep the next one from the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn nonblocking(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn unix(path: &Path) -> io::Result<Listener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    // A server that was killed leaves its socket behind, at which nobody answers.
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(Listener::Unix(listener, Some(file)))
}

fn systemd() -> io::Result<Vec<Listener>> {
    let mut given = ListenFd::from_env();
    let listeners: Vec<_> =
        (0..given.len()).map(|index| systemd_socket(&mut given, index)).collect::<io::Result<_>>()?;
    if listeners.is_empty() {
        return Err(io::Error::other("LISTEN_FDS names no socket; a unit with a .socket file beside it gets some"));
    }
    Ok(listeners)
}

fn systemd_socket(given: &mut ListenFd, index: usize) -> io::Result<Listener> {
    if let Ok(Some(listener)) = given.take_unix_listener(index) {
        listener.set_nonblocking(true)?;
        return Ok(Listener::Unix(UnixListener::from_std(listener)?, None));
    }
    let listener = given.take_tcp_listener(index)?.ok_or_else(|| io::Error::other("a socket was handed over twice"))?;
    Ok(Listener::Tcp(nonblocking(listener)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.to_string()).ok();
        for good in ["127.0.0.1:8080", "[::1]:0", "unix:/run/toolcell.sock", "unix:t.sock", "systemd"] {
            assert_eq!(read(good).as_deref(), Some(good));
        }
        for bad in ["", "8080", "localhost:8080", "unix:", "127.0.0.1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn connections_over_ipv6_are_counted_by_network() {
        let network = |text: &str| Peer::Address(text.parse().expect("an address")).network().map(|it| it.to_string());
        assert_eq!(network("[2001:db8:1:2:3:4:5:6]:7").as_deref(), Some("2001:db8:1:2::"));
        assert_eq!(network("[::ffff:10.0.0.1]:7").as_deref(), Some("10.0.0.1"));
        assert_eq!(network("10.0.0.1:7").as_deref(), Some("10.0.0.1"));
        assert_eq!(Peer::Unix.network(), None);
    }
}
