use std::time::Duration;

use toolcell_sdk::http::{self, Response};
use toolcell_sdk::{ToolError, log};
use url::Url;

/// How many redirects are followed, as browsers and tools agree that a page should need fewer.
const MAX_REDIRECTS: usize = 5;

/// For each request. A page that takes longer is better told than waited for.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The successful answer to a GET request, and the address that gave it.
///
/// Each redirect is a request of its own, which the host checks against the grant.
pub(crate) fn get(url: Url) -> Result<(Url, Response), ToolError> {
    let mut url = url;
    for _ in 0..=MAX_REDIRECTS {
        let response = http::get(url.as_str())
            .header("accept", "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.1")
            // The host decompresses nothing.
            .header("accept-encoding", "identity")
            .header("user-agent", concat!("toolcell-fetch/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .send()?;
        let Some(target) = redirect(&url, &response)? else {
            return Ok((url, response.error_for_status()?));
        };
        log::debug(format_args!("redirected to {}", target.origin().ascii_serialization()));
        url = target;
    }
    Err(ToolError::new(
        "too_many_redirects",
        format!("{} still redirects after {MAX_REDIRECTS} redirects", url.origin().ascii_serialization()),
    )
    .cause("the page redirects in a circle, for example because it wants a cookie")
    .check_first("Find another address for the page."))
}

/// Where the response redirects to (RFC 9110, section 15.4), if it does.
fn redirect(url: &Url, response: &Response) -> Result<Option<Url>, ToolError> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.header("location") else {
        return Ok(None);
    };
    let mut target = url.join(location).map_err(|error| {
        let server = url.origin().ascii_serialization();
        ToolError::new("upstream_unexpected", format!("{server} redirects to something that is no address: {error}"))
            .cause("the server is not set up as it should be")
            .check_first("Find another address for the page.")
    })?;
    target.set_fragment(None);
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use toolcell_sdk::testing::{self, FakeHttp};

    use super::*;

    fn redirecting(fake: FakeHttp, from: &str, to: &str) -> FakeHttp {
        fake.answer("GET", from, 302, "").header("location", to)
    }

    fn start() -> Url {
        Url::parse("https://a.example/x/1").unwrap()
    }

    #[test]
    fn redirects_are_followed_to_other_servers_and_relative() {
        let fake = redirecting(testing::http(), "https://a.example/x/1", "2#top");
        let fake = redirecting(fake, "https://a.example/x/2", "https://b.example/");
        let http = fake.answer("GET", "https://b.example/", 200, "hello").install();
        let (url, response) = get(start()).unwrap();
        assert_eq!((url.as_str(), response.text().unwrap()), ("https://b.example/", "hello"));
        let headers = &http.requests()[2].headers;
        assert!(headers.contains(&("accept-encoding".into(), "identity".into())), "{headers:?}");
        assert_eq!(http.requests()[0].timeout_ms, Some(20_000));
    }

    #[test]
    fn the_sixth_redirect_is_an_error() {
        let fake = (1..=6).fold(testing::http(), |fake, page| {
            redirecting(fake, &format!("https://a.example/x/{page}"), &(page + 1).to_string())
        });
        let _http = fake.install();
        let error = get(start()).unwrap_err();
        assert_eq!(error.code, "too_many_redirects");
        assert!(error.message.starts_with("https://a.example still redirects"), "{error}");
    }

    #[test]
    fn a_refused_redirect_is_told_as_the_host_tells_it() {
        let refusal = ToolError::new("denied_network", "http://b.example:80 is not granted");
        let fake = redirecting(testing::http(), "https://a.example/x/1", "http://b.example/");
        let _http = fake.fail("GET", "http://b.example/", refusal).install();
        assert_eq!(get(start()).unwrap_err().message, "http://b.example:80 is not granted");
    }

    #[test]
    fn a_redirect_to_nowhere_is_an_error() {
        let _http = redirecting(testing::http(), "https://a.example/x/1", "https://").install();
        assert_eq!(get(start()).unwrap_err().code, "upstream_unexpected");
    }

    #[test]
    fn a_redirect_without_a_target_is_an_error() {
        let _http = testing::http().answer("GET", "https://a.example/x/1", 304, "").install();
        assert_eq!(get(start()).unwrap_err().code, "upstream_redirected");
    }

    #[test]
    fn a_refusal_of_the_server_is_an_error() {
        let _http = testing::http().answer("GET", "https://a.example/x/1", 404, "gone").install();
        assert_eq!(get(start()).unwrap_err().code, "upstream_not_found");
    }
}
