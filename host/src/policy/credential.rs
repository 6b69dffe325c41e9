//! Credentials that the host adds to requests: for which server, of which plugins, and made of which variables. The values
//! are the sandbox's.

use std::{collections::BTreeSet, fmt, str::FromStr};

use http::{
    HeaderName,
    header::{
        ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, IF_RANGE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
        RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use url::Url;

use super::{EnvName, Grant, NetworkRule, PluginName, server_of};
use crate::receipt::Server;

/// Fields of the connection, which is the host's: some of them decide where a message ends or goes (RFC 9112, section 6;
/// RFC 9110, section 7.6.1). The length of a body is the host's to state, too, but not a field of the connection.
pub const CONNECTION_FIELDS: [HeaderName; 12] = [
    CONNECTION,
    EXPECT,
    HOST,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields that could make a server send the credential back in a form that is not recognised: compressed, or a few bytes
/// at a time. A server may always ignore them (RFC 9110, sections 12.5.3 and 14.2), so nothing is lost but bytes.
pub const ECHO_FIELDS: [HeaderName; 3] = [ACCEPT_ENCODING, IF_RANGE, RANGE];

/// A header field that is added to the https requests to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The server: always https, and exactly this name and port.
    pub server: Server,
    /// The header field.
    pub header: HeaderName,
    /// What the field's value is made of.
    pub value: Template,
    /// The plugins whose requests get it; `None` for every plugin that was granted the server.
    pub plugins: Option<BTreeSet<PluginName>>,
}

impl Credential {
    /// The server as toolcell.toml names it: the port only where it is not 443.
    #[must_use]
    pub fn name(&self) -> String {
        let text = self.server.to_string();
        text.strip_prefix("https://").unwrap_or(&text).to_owned()
    }

    /// Whether the requests of a plugin with this grant get it.
    ///
    /// A plugin that may reach any server (`https://*`) goes where its arguments send it, so it has to be named in
    /// `plugins`: that somebody granted it everything does not mean that they meant this server.
    #[must_use]
    pub fn is_for(&self, plugin: &str, grant: &Grant) -> bool {
        let by_name = |rule: &NetworkRule| !rule.is_any() && rule.allows(&self.server);
        let is_meant = self.plugins.as_ref().map_or_else(
            || grant.network().iter().any(by_name),
            |plugins| plugins.iter().any(|name| name.as_str() == plugin),
        );
        is_meant && grant.may_reach(&self.server).is_ok()
    }
}

/// The server of a credential, as toolcell.toml names it.
///
/// # Errors
///
/// Says what to write instead. What looks like a user name and password is not repeated.
pub fn credential_server(written: &str) -> Result<Server, String> {
    let expected = "write the name of one server, and its port where that is not 443, such as \"api.example.com\" or \
                    \"api.example.com:8443\"";
    if written.contains('@') {
        return Err(format!("a credential's server has no user name or password; {expected}"));
    }
    let server = Url::parse(&format!("https://{written}")).ok().and_then(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        server_of(&url).ok().filter(|_| is_bare && !written.ends_with('/'))
    });
    server.ok_or_else(|| format!("{written:?} is not a server that a credential can be for; {expected}"))
}

/// The header field of a credential, as toolcell.toml names it.
///
/// # Errors
///
/// Says which fields it cannot be. The text is repeated only where it is the name of a field.
pub fn credential_header(written: &str) -> Result<HeaderName, String> {
    let Ok(name) = HeaderName::from_str(written) else {
        return Err("this cannot name a header field; expected a name such as \"Authorization\"".to_owned());
    };
    if CONNECTION_FIELDS.contains(&name) || ECHO_FIELDS.contains(&name) || name == CONTENT_LENGTH {
        return Err(format!("the header field `{name}` is the host's own and cannot carry a credential"));
    }
    Ok(name)
}

/// Text with variables in it: `Bearer ${GITHUB_TOKEN}`. It has at least one, because what is written out is no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(EnvName),
}

impl Template {
    /// The variables, in the order in which they are written.
    pub fn variables(&self) -> impl Iterator<Item = &EnvName> {
        self.0.iter().filter_map(|piece| if let Piece::Variable(name) = piece { Some(name) } else { None })
    }

    /// The text with the variables' values in it.
    ///
    /// # Errors
    ///
    /// The first that `value` gives none for.
    pub fn filled<'a, E>(&'a self, mut value: impl FnMut(&'a EnvName) -> Result<&'a str, E>) -> Result<String, E> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Variable(name) => text.push_str(value(name)?),
            }
        }
        Ok(text)
    }
}

/// The variables alone: somebody may have written a part of the secret beside them.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables()).finish()
    }
}

/// What is wrong with a template. The text is never repeated: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Nothing in it is secret, or all of it is.
    #[error(
        "expected a variable that holds the secret, such as \"Bearer ${{GITHUB_TOKEN}}\", and not the secret itself: this \
         file is meant to be read by others"
    )]
    NoVariable,
    /// `$` without a name, or `${` without an end.
    #[error("expected `${{NAME}}` for a variable, the name of letters, digits and `_`, and `$$` for a dollar")]
    Variable,
    /// What no header field can carry.
    #[error("expected text of visible ASCII characters and spaces: this goes into a header field")]
    Text,
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(written: &str) -> Result<Self, InvalidTemplate> {
        if !written.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(InvalidTemplate::Text);
        }
        let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), written);
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                text.push('$');
                rest = after;
                continue;
            }
            let (name, after) =
                after.strip_prefix('{').and_then(|after| after.split_once('}')).ok_or(InvalidTemplate::Variable)?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Variable(name.parse().map_err(|_| InvalidTemplate::Variable)?));
            rest = after;
        }
        pieces.push(Piece::Text(text + rest));
        let template = Self(pieces);
        if template.variables().next().is_none() { Err(InvalidTemplate::NoVariable) } else { Ok(template) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Capabilities;

    fn filled(written: &str) -> String {
        let template: Template = written.parse().expect("a good template");
        template
            .filled(|name| if name.as_str() == "A" { Ok("1") } else { Err(name.as_str()) })
            .unwrap_or_else(|name| format!("no {name}"))
    }

    #[test]
    fn templates_are_text_with_variables() {
        for (written, expected) in [
            ("${A}", "1"),
            ("Bearer ${A}", "Bearer 1"),
            ("${A}:${A}.", "1:1."),
            ("$$${A}$$${A}$${A}", "$1$1${A}"),
            ("${A}${B}", "no B"),
        ] {
            assert_eq!(filled(written), expected, "{written}");
        }
        let template: Template = "half of the secret ${A}".parse().expect("a good template");
        assert_eq!(format!("{template:?}"), "[EnvName(\"A\")]");
    }

    #[test]
    fn what_is_no_template_is_not_repeated() {
        for (written, problem) in [
            ("Bearer hunter2", InvalidTemplate::NoVariable),
            ("", InvalidTemplate::NoVariable),
            ("$${hunter2}", InvalidTemplate::NoVariable),
            ("Bearer $hunter2", InvalidTemplate::Variable),
            ("Bearer ${hunter2", InvalidTemplate::Variable),
            ("Bearer ${hunter-2}", InvalidTemplate::Variable),
            ("Bearer ${}", InvalidTemplate::Variable),
            ("${A}\r\nHost: evil.example", InvalidTemplate::Text),
            ("${A}é", InvalidTemplate::Text),
        ] {
            let error = written.parse::<Template>().expect_err(written);
            assert_eq!(error, problem, "{written}");
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
    }

    #[test]
    fn servers_are_named_exactly() {
        for (written, server) in [
            ("API.github.com", "https://api.github.com"),
            ("api.github.com:443", "https://api.github.com"),
            ("api.github.com:8443", "https://api.github.com:8443"),
            ("[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(credential_server(written).map(|server| server.to_string()).as_deref(), Ok(server));
        }
        for written in
            ["", "https://api.github.com", "*.github.com", "*", "a.example/", "a.example/x", "a.example?x", "a b"]
        {
            assert!(credential_server(written).is_err_and(|error| error.contains("write the name")), "{written}");
        }
        assert!(credential_server("bob:hunter2@a.example").is_err_and(|error| !error.contains("hunter2")));
    }

    #[test]
    fn headers_of_the_host_carry_none() {
        assert_eq!(credential_header("X-Api-Key").map(|name| name.to_string()).as_deref(), Ok("x-api-key"));
        for written in ["Host", "content-length", "Transfer-Encoding", "Range", "accept-encoding"] {
            assert!(credential_header(written).is_err(), "{written}");
        }
        assert!(credential_header("Bearer hunter2").is_err_and(|error| !error.contains("hunter2")));
    }

    #[test]
    fn a_plugin_gets_what_it_was_granted_by_name() {
        let credential = |plugins: Option<&str>| Credential {
            server: credential_server("api.example.com").expect("a server"),
            header: http::header::AUTHORIZATION,
            value: "${A}".parse().expect("a template"),
            plugins: plugins.map(|name| [name.parse().expect("a name")].into()),
        };
        let gets = |rule: &str, plugins: Option<&str>| {
            let network = [rule.parse().expect("a rule")].into();
            let grant = Grant::everything(&Capabilities { network, ..Capabilities::default() });
            credential(plugins).is_for("story", &grant)
        };
        for (rule, of_all, of_story) in [
            ("https://api.example.com", true, true),
            ("https://*.example.com", true, true),
            ("https://*", false, true),
            ("https://api.example.com:8443", false, false),
            ("http://api.example.com", false, false),
            ("https://example.com", false, false),
        ] {
            let seen = [None, Some("story"), Some("other")].map(|plugins| gets(rule, plugins));
            assert_eq!(seen, [of_all, of_story, false], "{rule}");
        }
    }
}
