//! The URL of a database, as the operator writes it: `postgres://USER:PASSWORD@SERVER:5432/DATABASE?sslmode=require`.

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{ChannelBinding, Config, SslMode};
use url::{Host, Url};

use crate::receipt::Server;

/// PostgreSQL's own port.
const PORT: u16 = 5432;

/// What a URL means. Holds the password, so it is never formatted.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) server: Server,
    /// User, password, database and the mode of TLS, but neither server nor port.
    pub(super) config: Config,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// What is wrong with it, to be read after "the value of NAME": never a part of the value, which is a secret.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "is not a URL")?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("is not a URL that begins with postgres://");
        }
        let mut config = Config::new();
        let user = decoded(url.username())?;
        if user.is_empty() {
            return Err("names no user");
        }
        if let Some(password) = url.password() {
            config.password(decoded(password)?);
        }
        let database = decoded(url.path().trim_start_matches('/'))?;
        config.dbname(if database.is_empty() { user.as_str() } else { database.as_str() });
        config.user(user).application_name("toolcell").ssl_mode(SslMode::Prefer);
        for (option, value) in url.query_pairs() {
            apply(&mut config, &option, &value)?;
        }
        let server = Server { scheme: "postgres".to_owned(), host: host(&url)?, port: url.port().unwrap_or(PORT) };
        Ok(Self { server, config })
    }
}

fn decoded(part: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| "has a part that is not UTF-8")?;
    if text.contains('\0') { Err("has a part with a NUL character") } else { Ok(text.into_owned()) }
}

fn host(url: &Url) -> Result<String, &'static str> {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = decoded(name)?;
            if name.is_empty() {
                Err("names no server")
            } else if name.contains(',') {
                Err("names more than one server")
            } else if name.starts_with('/') {
                Err("names a Unix socket instead of a server")
            } else {
                Ok(name.to_ascii_lowercase())
            }
        }
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(address.to_string()),
        None => Err("names no server"),
    }
}

fn apply(config: &mut Config, option: &str, value: &str) -> Result<(), &'static str> {
    match (option, value) {
        ("sslmode", "disable") => config.ssl_mode(SslMode::Disable),
        ("sslmode", "prefer") => config.ssl_mode(SslMode::Prefer),
        // Certificates are verified in every mode that uses TLS, the name included.
        ("sslmode", "require" | "verify-ca" | "verify-full") => config.ssl_mode(SslMode::Require),
        ("sslmode", _) => {
            return Err("has an `sslmode` other than disable, prefer, require, verify-ca and verify-full");
        }
        ("channel_binding", "disable") => config.channel_binding(ChannelBinding::Disable),
        ("channel_binding", "prefer") => config.channel_binding(ChannelBinding::Prefer),
        ("channel_binding", "require") => config.channel_binding(ChannelBinding::Require),
        ("application_name", name) => config.application_name(name),
        ("options", options) => config.options(options),
        ("sslrootcert", _) => return Err("has `sslrootcert`; `ca-file` in toolcell.toml names that file instead"),
        _ => return Err("has an option other than sslmode, channel_binding, application_name and options"),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> &'static str {
        Target::parse(text).err().unwrap_or_default()
    }

    #[test]
    fn a_url_is_read_as_libpq_does() {
        let target =
            Target::parse("postgresql://b%40b:p%2Fw@DB.Internal/sales%20eu?sslmode=verify-full&options=-c%20a=b")
                .expect("the URL is good");
        assert_eq!(target.server.authority(), "db.internal:5432");
        assert_eq!(target.config.get_user(), Some("b@b"));
        assert_eq!(target.config.get_password(), Some(&b"p/w"[..]));
        assert_eq!(target.config.get_dbname(), Some("sales eu"));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(target.config.get_options(), Some("-c a=b"));
        let short = Target::parse("postgres://bob@[::1]:6543").expect("the URL is good");
        assert_eq!((short.server.authority().as_str(), short.config.get_dbname()), ("[::1]:6543", Some("bob")));
        assert_eq!(short.config.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        assert_eq!(problem("secret"), "is not a URL");
        assert_eq!(problem("mysql://u:secret@h/d"), "is not a URL that begins with postgres://");
        assert_eq!(problem("postgres://h/d"), "names no user");
        assert_eq!(problem("postgres:///d"), "names no user");
        assert_eq!(problem("postgres://u@a,b/d"), "names more than one server");
        assert_eq!(problem("postgres://u@%2Frun%2Fpostgresql/d"), "names a Unix socket instead of a server");
        assert_eq!(problem("postgres://u:%ff@h/d"), "has a part that is not UTF-8");
        assert_eq!(
            problem("postgres://u@h/d?sslmode=allow"),
            "has an `sslmode` other than disable, prefer, require, verify-ca and verify-full"
        );
        assert!(problem("postgres://u@h/d?sslrootcert=x").contains("`ca-file`"));
        assert!(problem("postgres://u@h/d?sslkey=x").starts_with("has an option other than"));
    }
}
