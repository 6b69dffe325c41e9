//! From a server's name to a connection: looked up once, every address checked, a checked one dialled.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    error::{Cause, from_io},
    permits,
    request::Permitted,
    trace::Ongoing,
};
use crate::receipt::{Denial, Server, Stage, Unreachable};

/// Look-ups under way at once. The system's resolver cannot be cancelled, so that each holds a thread until it is done.
pub(in crate::sandbox) const LOOKUPS: usize = 16;
/// Addresses of one name that are tried.
const MAX_ATTEMPTS: usize = 8;

/// Addresses that may be dialled; never empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addresses(Vec<SocketAddr>);

impl Addresses {
    /// Those of a server that a rule allows. A single address that is not granted refuses them all: the name is then not
    /// what it seems.
    pub(super) async fn of(permitted: &Permitted<'_>, lookups: &Arc<Semaphore>) -> Result<Self, Cause> {
        let found = look_up(permitted.server(), lookups).await?;
        Ok(Self::checked(permitted, found)?)
    }

    /// Those that were found, if each of them may be dialled.
    pub(super) fn checked(permitted: &Permitted<'_>, found: Vec<SocketAddr>) -> Result<Self, Denial> {
        for address in &found {
            permitted.grant().may_dial(permitted.server(), address.ip())?;
        }
        Ok(Self(found))
    }

    /// Those of a server for which the operator vouches with `--upstream`.
    pub(super) async fn of_substitute(server: &Server, lookups: &Arc<Semaphore>) -> Result<Self, Cause> {
        Ok(Self(look_up(server, lookups).await?))
    }

    /// The addresses in the order in which they are tried.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[SocketAddr] {
        &self.0
    }

    /// Tries the addresses in order until one connects.
    pub(super) async fn connect(&self, ongoing: &Ongoing, until: Instant) -> Result<TcpStream, Unreachable> {
        ongoing.at(Stage::Connect);
        connect_to_any(&self.0, until).await.map_err(|why| why.unwrap_or_else(|| ongoing.timeout(Stage::Connect)))
    }
}

/// Tries addresses in order until one connects. Each gets an even share of the time that is left, so that one that is mute
/// does not use up all of it. Fails as the last that was tried, with `None` where its time was up.
pub(in crate::sandbox) async fn connect_to_any(
    addresses: &[SocketAddr],
    until: Instant,
) -> Result<TcpStream, Option<Unreachable>> {
    let attempts = addresses.len().min(MAX_ATTEMPTS);
    let mut failure = Some(Unreachable::NoRoute);
    for (tried, address) in addresses.iter().take(attempts).enumerate() {
        let left = u32::try_from(attempts - tried).unwrap_or(1);
        let share = until.saturating_duration_since(Instant::now()) / left;
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests are sent at once; where that cannot be set they are merely later.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = Some(from_io(&error)),
            Err(_) => failure = None,
        }
    }
    Err(failure)
}

/// The addresses of a server that nobody has to be asked for.
pub(super) fn without_asking(server: &Server) -> Option<Vec<SocketAddr>> {
    let at = |addresses: &[IpAddr]| addresses.iter().map(|address| SocketAddr::new(*address, server.port)).collect();
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return Some(at(&[address]));
    }
    // RFC 6761, section 6.3: never asked of the DNS.
    (server.host == "localhost").then(|| at(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]))
}

/// The addresses of a server, at most [`LOOKUPS`] look-ups at once.
pub(in crate::sandbox) async fn look_up(
    server: &Server,
    lookups: &Arc<Semaphore>,
) -> Result<Vec<SocketAddr>, Unreachable> {
    if let Some(known) = without_asking(server) {
        return Ok(known);
    }
    let permit = permits::acquire(lookups).await;
    let (host, port) = (server.host.clone(), server.port);
    let found = tokio::task::spawn_blocking(move || {
        // Until the thread is free again, also where nobody waits for the answer any more.
        let _permit = permit;
        (host.as_str(), port).to_socket_addrs()
    });
    match found.await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err(Unreachable::NameNotFound) } else { Ok(addresses) }
        }
        Ok(Err(error)) => Err(from_lookup(&error)),
        Err(_) => Err(Unreachable::LookupFailed),
    }
}

/// The standard library keeps only the text of getaddrinfo's code: of `EAI_NONAME` and `EAI_NODATA` as glibc, musl, macOS
/// and Windows word them.
fn from_lookup(error: &io::Error) -> Unreachable {
    const NOT_FOUND: [&str; 6] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
        "nodename nor servname provided",
        "No such host is known",
    ];
    let text = error.to_string();
    if NOT_FOUND.iter().any(|not_found| text.contains(not_found)) {
        Unreachable::NameNotFound
    } else {
        Unreachable::LookupFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Capabilities, Grant};

    #[test]
    fn one_special_address_refuses_all_of_them() {
        let network = ["https://a.example".parse().expect("a rule")].into();
        let grant = Grant::everything(&Capabilities { network, ..Capabilities::default() });
        let server = Server { scheme: "https".to_owned(), host: "a.example".to_owned(), port: 443 };
        let permitted = Permitted::new(&grant, &server).expect("the rule names it");
        let found = |addresses: &[&str]| addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let public = found(&["8.8.8.8:443", "[2606:4700::1]:443"]);
        assert_eq!(Addresses::checked(&permitted, Vec::clone(&public)), Ok(Addresses(public)));
        for mixed in [
            ["8.8.8.8:443", "127.0.0.1:443"],
            ["10.0.0.1:443", "8.8.8.8:443"],
            ["8.8.8.8:443", "[::ffff:169.254.169.254]:443"],
        ] {
            let denial = Addresses::checked(&permitted, found(&mixed)).expect_err("one address is special");
            assert!(matches!(denial, Denial::SpecialAddress { .. }), "{mixed:?}: {denial:?}");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_a_resolver_that_does_not_answer() {
        let lookup =
            |text: &str| from_lookup(&io::Error::other(format!("failed to lookup address information: {text}")));
        assert_eq!(lookup("Name or service not known"), Unreachable::NameNotFound);
        assert_eq!(lookup("Temporary failure in name resolution"), Unreachable::LookupFailed);
    }
}
