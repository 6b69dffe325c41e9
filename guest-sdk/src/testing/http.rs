use std::cell::RefCell;
use std::thread;

use serde_json::Value;

use crate::ToolError;
use crate::bindings::toolcell::plugin::http::{Request, Response};

thread_local! {
    static INSTALLED: RefCell<Option<Installed>> = const { RefCell::new(None) };
}

/// Starts a list of answers for the requests that the code under test is expected to send.
pub fn http() -> FakeHttp {
    FakeHttp { answers: vec![] }
}

/// Answers for requests. Each serves one request, equal answers in the order given.
#[must_use = "the answers serve requests once they are installed"]
#[derive(Debug)]
pub struct FakeHttp {
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    method: String,
    url: String,
    result: Result<Response, ToolError>,
}

impl FakeHttp {
    /// Answers a request with `status` and `body`: a JSON value, text or bytes.
    ///
    /// The request matches when method and URL are equal, byte for byte, query included. A JSON value also sets
    /// `content-type: application/json`.
    pub fn answer(self, method: &str, url: &str, status: u16, body: impl Into<Body>) -> Self {
        let Body { headers, bytes } = body.into();
        self.with(method, url, Ok(Response { status, headers, body: bytes, extra: None }))
    }

    /// Sets a header of the answer given last.
    ///
    /// # Panics
    ///
    /// When there is no answer yet, or the last one is a failure.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Some(Answer { result: Ok(response), .. }) = self.answers.last_mut() else {
            panic!("header `{name}` needs an answer before it")
        };
        let name = name.to_ascii_lowercase();
        response.headers.retain(|(other, _)| *other != name);
        response.headers.push((name, value.to_owned()));
        self
    }

    /// Fails a request as the host does, for example with the code `denied_network`.
    pub fn fail(self, method: &str, url: &str, error: ToolError) -> Self {
        self.with(method, url, Err(error))
    }

    /// Serves the requests of this thread until the guard is dropped.
    ///
    /// # Panics
    ///
    /// A request that no answer is left for fails the test, as does an answer that is left when the guard is dropped.
    pub fn install(self) -> InstalledHttp {
        let installed = Installed { answers: self.answers, requests: vec![] };
        let before = INSTALLED.replace(Some(installed));
        assert!(before.is_none(), "answers are installed already: drop their guard first");
        InstalledHttp { _private: () }
    }

    fn with(mut self, method: &str, url: &str, result: Result<Response, ToolError>) -> Self {
        self.answers.push(Answer { method: method.to_owned(), url: url.to_owned(), result });
        self
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct Body {
    headers: Vec<(String, String)>,
    bytes: Vec<u8>,
}

impl From<Value> for Body {
    fn from(json: Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { headers, bytes: json.to_string().into_bytes() }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self { headers: vec![], bytes: text.into() }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { headers: vec![], bytes }
    }
}

/// Keeps the answers installed while it lives.
#[must_use = "the answers are removed when this is dropped"]
#[derive(Debug)]
pub struct InstalledHttp {
    _private: (),
}

impl InstalledHttp {
    /// What was sent so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        INSTALLED.with_borrow(|installed| installed.as_ref().map(|it| it.requests.clone()).unwrap_or_default())
    }
}

impl Drop for InstalledHttp {
    fn drop(&mut self) {
        let left = INSTALLED.take().map(|installed| installed.answers).unwrap_or_default();
        // A test that is failing already should fail with its own message.
        if !thread::panicking() {
            assert!(left.is_empty(), "these requests were expected and never sent:{}", describe(&left));
        }
    }
}

struct Installed {
    answers: Vec<Answer>,
    requests: Vec<Request>,
}

pub(super) fn send(request: &Request) -> Result<Response, ToolError> {
    let Request { method, url, .. } = request;
    INSTALLED.with_borrow_mut(|installed| {
        let Some(installed) = installed else {
            panic!("unexpected request: {method} {url}\nno answers are installed: see toolcell_sdk::testing::http()")
        };
        let found = installed.answers.iter().position(|answer| answer.method == *method && answer.url == *url);
        let Some(index) = found else {
            panic!("unexpected request: {method} {url}\nanswers are left for:{}", describe(&installed.answers))
        };
        installed.requests.push(request.clone());
        installed.answers.remove(index).result
    })
}

fn describe(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return " none".to_owned();
    }
    let lines: Vec<String> = answers.iter().map(|answer| format!("\n  {} {}", answer.method, answer.url)).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::get;

    const URL: &str = "https://example.com/a";

    #[test]
    fn equal_requests_are_answered_in_order_and_recorded() {
        let http = http().answer("GET", URL, 503, "later").answer("GET", URL, 200, json!([1])).install();
        assert_eq!(get(URL).send().unwrap().status, 503);
        let second = get(URL).header("accept", "a/b").send().unwrap();
        assert_eq!((second.status, second.header("content-type")), (200, Some("application/json")));
        assert_eq!(http.requests().len(), 2);
        assert_eq!(http.requests()[1].headers, [("accept".to_owned(), "a/b".to_owned())]);
    }

    #[test]
    fn a_header_replaces_the_one_that_the_body_brought() {
        let _http = http().answer("GET", URL, 200, json!(1)).header("Content-Type", "text/x").install();
        let response = get(URL).send().unwrap();
        assert_eq!(response.headers, [("content-type".to_owned(), "text/x".to_owned())]);
    }

    #[test]
    #[should_panic(
        expected = "unexpected request: GET https://example.com/b\nanswers are left for:\n  GET https://example.com/a"
    )]
    fn a_request_without_an_answer_fails_the_test() {
        let _http = http().answer("GET", URL, 200, "").install();
        let _ = get("https://example.com/b").send();
    }

    #[test]
    #[should_panic(expected = "no answers are installed")]
    fn a_request_without_a_fake_fails_the_test() {
        let _ = get(URL).send();
    }

    #[test]
    #[should_panic(expected = "never sent:\n  GET https://example.com/a")]
    fn an_answer_that_nobody_asked_for_fails_the_test() {
        let _http = http().answer("GET", URL, 200, vec![1, 2]).install();
    }
}
