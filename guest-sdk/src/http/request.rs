use std::time::Duration;

use serde::Serialize;

use crate::bindings::toolcell::plugin::http as contract;
use crate::{ToolError, host};

use super::{Response, server_of};

/// A request that has not been sent yet.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: &'static str,
    url: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    timeout: Option<Duration>,
    // A body that could not be written, kept until `send` can say so.
    error: Option<ToolError>,
}

impl Request {
    pub(super) fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), query: vec![], headers: vec![], body: None, timeout: None, error: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `name=value` to the query, percent-encoded, after what the URL has already.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and owned strings are passed as they are")]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Bounds the whole request, from the look-up of the name to the last byte. The call's own deadline holds in any case.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the body. Add its `content-type` by [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to `value` as JSON, and `content-type` to match.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => {
                let message = format!("the request to {} cannot be written as JSON: {error}", server_of(&self.url));
                self.error = Some(ToolError::new("invalid_request", message));
                self
            }
        }
    }

    /// Sends the request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Those of the host: `denied_network`, `upstream_unreachable`, `upstream_limit`, `invalid_request`. Also
    /// `invalid_request` when the body of [`json`](Self::json) could not be written.
    pub fn send(self) -> Result<Response, ToolError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let request = contract::Request {
            method: self.method.to_owned(),
            url: with_query(self.url, &self.query),
            headers: self.headers,
            body: self.body,
            timeout_ms: self.timeout.map(milliseconds),
            extra: None,
        };
        let answer = host::send(&request)?;
        Ok(Response::new(server_of(&request.url), answer))
    }
}

/// At least one: zero would read as no time at all.
fn milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1)
}

fn with_query(url: String, query: &[(String, String)]) -> String {
    if query.is_empty() {
        return url;
    }
    // A fragment never reaches a server.
    let base = url.split('#').next().unwrap_or(&url);
    let separator = match base.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{base}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::{delete, get, head, patch, post, put};
    use super::*;
    use crate::testing;

    #[test]
    fn the_request_arrives_as_it_was_built() {
        let http = testing::http().answer("POST", "https://example.com/a?x=1&q=a+%26+b&n=7", 201, json!({})).install();
        let request =
            post("https://example.com/a?x=1#part").query("q", "a & b").query("n", 7).header("accept", "text/html");
        let response = request.json(&json!({"k": [1]})).timeout(Duration::from_millis(1500)).send().unwrap();
        assert_eq!(response.status, 201);
        let sent = &http.requests()[0];
        assert_eq!(
            sent.headers,
            [("accept".into(), "text/html".into()), ("content-type".into(), "application/json".into())]
        );
        assert_eq!(sent.body.as_deref(), Some(br#"{"k":[1]}"#.as_slice()));
        assert_eq!(sent.timeout_ms, Some(1500));
    }

    #[test]
    fn each_function_sends_its_method() {
        let url = "https://example.com/";
        let mut fake = testing::http();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            fake = fake.answer(method, url, 204, "");
        }
        let _http = fake.install();
        for request in [get(url), head(url), post(url), put(url), patch(url), delete(url)] {
            assert_eq!(request.send().unwrap().status, 204);
        }
    }

    #[test]
    fn a_query_is_added_once_and_without_a_fragment() {
        let query = [("a".to_owned(), "1".to_owned())];
        assert_eq!(with_query("http://h/p".into(), &query), "http://h/p?a=1");
        assert_eq!(with_query("http://h/p?".into(), &query), "http://h/p?a=1");
        assert_eq!(with_query("http://h/p?b=2#f".into(), &query), "http://h/p?b=2&a=1");
        assert_eq!(with_query("http://h/p#f".into(), &[]), "http://h/p#f");
    }

    #[test]
    fn a_timeout_is_never_zero_and_never_wraps() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::MAX), u32::MAX);
    }

    #[test]
    fn a_body_without_json_form_is_told_and_not_sent() {
        let error = post("https://example.com/secret").json(&BTreeMap::from([(vec![1], 2)])).send().unwrap_err();
        assert_eq!(error.code, "invalid_request");
        assert!(error.message.contains("https://example.com "), "{error}");
    }

    #[test]
    fn a_refusal_of_the_host_comes_back_whole() {
        let refusal = ToolError::new("denied_network", "https://example.com:443 is not granted").cause("not asked for");
        let _http = testing::http().fail("GET", "https://example.com/", refusal.clone()).install();
        let error = get("https://example.com/").send().unwrap_err();
        assert_eq!(error.message, refusal.message);
        assert_eq!(error.likely_causes, refusal.likely_causes);
    }
}
