//! What is wrong with a database's server, or on the way to it.

use std::time::Duration;

use crate::{
    failure::{Parts, network},
    policy::units::duration_text,
    receipt::{DatabasePlace, LoginFault, Stage, TlsFault, Unreachable},
};

/// Why a server gave no answer.
pub(super) fn unreachable(name: &str, place: &DatabasePlace, why: Unreachable) -> Parts {
    let (at, variable, is_ready) = (place.authority(), &place.variable, place.is_ready());
    let general = network::unreachable(&place.server(), why);
    let message = format!("the database {name}: {}", general.message);
    let elsewhere = format!("then whether {variable} names the right server and port");
    match why {
        Unreachable::Refused => Parts::new(
            message,
            &[
                "PostgreSQL is not running there",
                "it listens on another port or address",
                "a firewall rejects the connection",
            ],
            format!("whether it answers `{is_ready}` on the machine that runs toolcell, {elsewhere}"),
        )
        .retryable(),
        Unreachable::NameNotFound => Parts::new(
            message,
            &[
                "the server's name is misspelt or no longer exists",
                "the name exists only inside a network or VPN that the machine that runs toolcell is not in",
            ],
            format!("the server in {variable}, then whether that machine's VPN is up"),
        ),
        Unreachable::LookupFailed | Unreachable::NoRoute => Parts::new(
            message,
            &["the VPN of the machine that runs toolcell is down", "that machine is offline"],
            format!("whether its VPN is up, {elsewhere}"),
        )
        .retryable(),
        Unreachable::Timeout { stage: Stage::Queue | Stage::Lookup | Stage::Connect, .. } => Parts::new(
            message,
            &[
                "the VPN of the machine that runs toolcell is down, or a firewall drops the connection without a word",
                "the server is down",
            ],
            format!("whether the VPN is up and it answers `{is_ready}` on that machine, {elsewhere}"),
        )
        .retryable(),
        Unreachable::Timeout { after_ms, .. } => Parts::new(
            format!(
                "the database {name}: the server at {at} did not answer, given up after {}",
                duration_text(Duration::from_millis(after_ms))
            ),
            &[
                "the server is overloaded or hangs",
                "the connection was lost on the way",
                "the port belongs to another service",
            ],
            format!("whether it answers `{is_ready}` on the machine that runs toolcell"),
        )
        .retryable(),
        Unreachable::Cut => Parts::new(
            message,
            &["the server was stopped or restarted", "somebody ended the session", "a firewall on the way cut it"],
            format!("whether it answers `{is_ready}` on the machine that runs toolcell; then try again"),
        )
        .retryable(),
        Unreachable::Protocol => Parts::new(
            format!("the database {name}: what answers at {at} does not speak PostgreSQL's protocol"),
            &["the port belongs to another service", "a proxy answers in its place"],
            format!("server and port in {variable}"),
        ),
        Unreachable::Tls(fault) => tls(message, name, place, fault),
        _ => Parts { message, ..general },
    }
}

fn tls(message: String, name: &str, place: &DatabasePlace, fault: TlsFault) -> Parts {
    let (at, variable) = (place.authority(), &place.variable);
    match fault {
        TlsFault::NotTls => Parts::new(
            format!(
                "the database {name}: the server at {at} does not offer TLS, and `sslmode` in {variable} asks for it"
            ),
            &["TLS is off in the server's configuration", "a proxy without TLS answers in its place"],
            format!("whether the server has `ssl = on`; a person decides whether {variable} may do without TLS"),
        ),
        TlsFault::UnknownIssuer => Parts::new(
            message,
            &["the certificate is self-signed or from a private authority, as those of databases often are"],
            format!(
                "who issued it; where a person trusts the issuer, `ca-file` under [postgres.{}] in toolcell.toml names its \
                 certificate",
                name.trim_matches('`')
            ),
        ),
        TlsFault::WrongName => Parts::new(
            message,
            &[
                "the URL names the server by an address or alias that is not in the certificate",
                "another server, such as a proxy, answers in its place",
            ],
            format!("which names the certificate of {at} carries, and the server in {variable}"),
        ),
        fault => Parts { message, ..network::unreachable(&place.server(), Unreachable::Tls(fault)) },
    }
}

/// Why a server refused a log-in.
pub(super) fn login(name: &str, place: &DatabasePlace, fault: LoginFault) -> Parts {
    let (at, variable) = (place.authority(), &place.variable);
    let refused = |why: &str| format!("the database {name}: the server at {at} refused the log-in: {why}");
    match fault {
        LoginFault::Password => Parts::new(
            refused("wrong password, or no such user"),
            &[
                "the password was changed",
                "characters of the password such as @ / # are not percent-encoded in the URL",
            ],
            format!("user and password in {variable}"),
        ),
        LoginFault::NoPassword => Parts::new(
            refused("it wants a password, and the URL has none"),
            &["the password was left out of the URL"],
            format!("whether {variable} reads like postgres://USER:PASSWORD@SERVER:5432/DATABASE"),
        ),
        LoginFault::NotPermitted => Parts::new(
            refused("this user may not log in from here"),
            &[
                "the role does not exist, has no LOGIN, or was locked out",
                "no line of the server's pg_hba.conf allows this user from this machine, or only with TLS",
            ],
            format!("the user in {variable}, then pg_hba.conf and the log of the server at {at}"),
        ),
        LoginFault::NoDatabase => Parts::new(
            refused("the database that the URL names does not exist there"),
            &["its name is misspelt in the URL", "the URL names another server than was meant"],
            format!("the name after the last / in {variable}"),
        ),
        LoginFault::NoPrivilege => Parts::new(
            refused("the role may not connect to that database"),
            &["CONNECT on the database was revoked, or never granted"],
            "whether the role has CONNECT on the database; a person can grant it",
        ),
        LoginFault::Method => Parts::new(
            refused("it wants a way of authentication that toolcell does not have"),
            &["the server asks for Kerberos, LDAP with GSSAPI, or a client certificate"],
            format!("whether pg_hba.conf of the server at {at} can ask this user for scram-sha-256"),
        ),
    }
}
