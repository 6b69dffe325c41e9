use serde::de::DeserializeOwned;

use crate::ToolError;
use crate::bindings::toolcell::plugin::http as contract;

use super::server_of;

/// How many characters of an unexpected body an error shows.
const EXCERPT_CHARS: usize = 200;

/// The answer of a server, complete.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status, for example 200.
    pub status: u16,
    /// Names in lower case, in the order the server sent them.
    pub headers: Vec<(String, String)>,
    /// The body as it came: the host decompresses nothing.
    pub body: Vec<u8>,
    server: String,
}

impl Response {
    pub(super) fn new(server: String, answer: contract::Response) -> Self {
        Self { status: answer.status, headers: answer.headers, body: answer.body, server }
    }

    /// The first header named `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The response itself when its status is a success (2xx).
    ///
    /// # Errors
    ///
    /// One code for each kind of refusal: `upstream_redirected` (3xx), `upstream_unauthorized` (401),
    /// `upstream_forbidden` (403), `upstream_not_found` (404, 410), `upstream_rate_limited` (429), `upstream_failed` (408
    /// and 5xx) and `upstream_refused` (any other). A tool that can say more looks at [`status`](Self::status) first.
    pub fn error_for_status(self) -> Result<Self, ToolError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// `upstream_unexpected` when it is not UTF-8.
    pub fn text(&self) -> Result<&str, ToolError> {
        std::str::from_utf8(&self.body)
            .map_err(|error| self.unexpected(&format!("a body that is not UTF-8 text ({error})")))
    }

    /// The body read as JSON.
    ///
    /// # Errors
    ///
    /// `upstream_unexpected` when it is not JSON or not a `T`. The error shows the status and the start of the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ToolError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if error.is_data() { "JSON of another shape than expected" } else { "a body that is not JSON" };
            self.unexpected(&format!("{what} ({error})"))
        })
    }

    fn unexpected(&self, what: &str) -> ToolError {
        ToolError::new(
            "upstream_unexpected",
            format!("{} answered with status {} and {what}. {}", self.server, self.status, self.excerpt()),
        )
        .cause("the server changed the form of its answers")
        .cause("the answer came from something in between, such as a proxy or a login page")
        .check_first("Compare the start of the body with the documentation of the server.")
    }

    fn refusal(&self) -> ToolError {
        let Self { server, status, .. } = self;
        match *status {
            300..=399 => {
                let target = self.header("location").filter(|target| target.contains("://")).map(server_of);
                let target = target.unwrap_or_else(|| "another address on the same server".to_owned());
                ToolError::new(
                    "upstream_redirected",
                    format!("{server} answered with a redirect ({status}) to {target}, which was not followed"),
                )
                .check_first("Use the address that the server redirects to.")
            }
            401 => self
                .refused("upstream_unauthorized", "does not know who is asking (401 Unauthorized)")
                .cause("the token is missing, wrong or expired")
                .check_first("A person checks the credentials that the plugin is given in its environment."),
            403 => self
                .refused("upstream_forbidden", "does not allow this (403 Forbidden)")
                .cause("the account or token has no right to it")
                .cause("the server blocks automated requests")
                .check_first("Ask for something that the account may see, or have a person check its rights."),
            404 | 410 => self
                .refused("upstream_not_found", &format!("has nothing under this address ({status})"))
                .cause("the id or address is wrong, or what it named is gone")
                .check_first("Check the ids and names in the arguments."),
            429 => {
                let wait = self.retry_after().unwrap_or_else(|| "a minute".to_owned());
                self.refused("upstream_rate_limited", "had too many requests (429 Too Many Requests)")
                    .cause("many calls in a short time, perhaps by others with the same address or token")
                    .check_first(format!("Wait {wait}, then call again."))
                    .retryable()
            }
            408 | 500..=599 => {
                let wait = self.retry_after().unwrap_or_else(|| "a moment".to_owned());
                self.refused("upstream_failed", &format!("failed on its side ({status})"))
                    .cause("the server is overloaded, in maintenance or has a bug")
                    .check_first(format!("Wait {wait}, then call again. If it stays, see the server's status page."))
                    .retryable()
            }
            _ => self
                .refused("upstream_refused", &format!("does not accept the request ({status})"))
                .cause("an argument has a value that the server does not take")
                .check_first("Read the start of the server's answer and correct the arguments."),
        }
    }

    fn refused(&self, code: &str, what: &str) -> ToolError {
        ToolError::new(code, format!("{} {what}. {}", self.server, self.excerpt()))
    }

    /// RFC 9110, section 10.2.3: seconds or a date. A date is rare, and shown as it came.
    fn retry_after(&self) -> Option<String> {
        let value = printable(self.header("retry-after")?, 40);
        if value.is_empty() {
            return None;
        }
        Some(if value.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{value} seconds")
        } else {
            format!("until {value}")
        })
    }

    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        match printable(&text, EXCERPT_CHARS) {
            start if start.is_empty() => "The body is empty.".to_owned(),
            start => format!("The body starts: {start}"),
        }
    }
}

/// The start of `text` on one line, without control characters, at most `max_chars` long.
fn printable(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if let Some((end, _)) = line.char_indices().nth(max_chars) {
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests;
