//! `--upstream`: servers that stand in for others, in tests and demonstrations.

use std::str::FromStr;

use url::Url;

use crate::{policy::server_of, receipt::Server};

/// Sends what is meant for one server to another, for example `https://hn.algolia.com=http://127.0.0.1:8080`.
///
/// The rules judge the original and the request still names it in its Host field; only the connection, and whether it is
/// encrypted, are the substitute's. The operator vouches for the substitute: its address may be a special one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    original: Server,
    substitute: Server,
}

/// All that stand in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstreams(Vec<Upstream>);

impl Upstreams {
    pub(super) fn substitute_for(&self, server: &Server) -> Option<&Server> {
        self.0.iter().find(|upstream| upstream.original == *server).map(|upstream| &upstream.substitute)
    }
}

impl FromIterator<Upstream> for Upstreams {
    fn from_iter<I: IntoIterator<Item = Upstream>>(upstreams: I) -> Self {
        Self(upstreams.into_iter().collect())
    }
}

/// Says which side of an `--upstream` value is wrong and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} {problem}; write ORIGINAL=SUBSTITUTE, such as https://api.example.com=http://127.0.0.1:8080")]
pub struct InvalidUpstream {
    value: String,
    problem: String,
}

impl FromStr for Upstream {
    type Err = InvalidUpstream;

    fn from_str(value: &str) -> Result<Self, InvalidUpstream> {
        let invalid = |problem: String| InvalidUpstream { value: value.to_owned(), problem };
        let (original, substitute) = value.split_once('=').ok_or_else(|| invalid("has no `=`".to_owned()))?;
        let original = parse_server(original).map_err(|problem| invalid(format!("has an original that {problem}")))?;
        let substitute =
            parse_server(substitute).map_err(|problem| invalid(format!("has a substitute that {problem}")))?;
        Ok(Self { original, substitute })
    }
}

fn parse_server(text: &str) -> Result<Server, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL ({error})"))?;
    let server = server_of(&url).map_err(|error| format!("cannot be reached: {error}"))?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("is more than a server; write {server}"));
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_servers() {
        let upstream: Upstream = "https://HN.algolia.com=http://127.0.0.1:8080/".parse().expect("a good value");
        assert_eq!(upstream.original.to_string(), "https://hn.algolia.com");
        assert_eq!(upstream.substitute.to_string(), "http://127.0.0.1:8080");
    }

    #[test]
    fn bad_values_say_which_side() {
        let problem = |value: &str| value.parse::<Upstream>().expect_err(value).problem;
        assert_eq!(problem("https://a.example"), "has no `=`");
        assert_eq!(
            problem("a.example=http://b.example"),
            "has an original that is not a URL (relative URL without a base)"
        );
        assert_eq!(
            problem("https://a.example=ftp://b.example"),
            "has a substitute that cannot be reached: the URL's scheme is neither http nor https"
        );
        assert_eq!(
            problem("https://a.example=http://b.example:81/api"),
            "has a substitute that is more than a server; write http://b.example:81"
        );
    }
}
