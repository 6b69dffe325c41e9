//! HTTP requests over the contract's `http`.
//!
//! ```no_run
//! # use toolcell_sdk::{http, ToolError};
//! # #[derive(serde::Deserialize)] struct Story {}
//! # fn story(id: u64) -> Result<Story, ToolError> {
//! http::get(format!("https://hn.algolia.com/api/v1/items/{id}")).send()?.error_for_status()?.json()
//! # }
//! ```
//!
//! A request goes out only to servers that the manifest asks for and the operator granted. Redirects are not followed: a
//! plugin that follows one sends a new request, which is checked again. Every error names the server, never the path,
//! the query or a header, and is ready for `?`.

mod request;
mod response;

pub use request::Request;
pub use response::Response;

/// A request with the method `GET` to `url`, which is absolute and `http` or `https`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A request with the method `HEAD`.
pub fn head(url: impl Into<String>) -> Request {
    Request::new("HEAD", url)
}

/// A request with the method `POST`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A request with the method `PUT`.
pub fn put(url: impl Into<String>) -> Request {
    Request::new("PUT", url)
}

/// A request with the method `PATCH`.
pub fn patch(url: impl Into<String>) -> Request {
    Request::new("PATCH", url)
}

/// A request with the method `DELETE`.
pub fn delete(url: impl Into<String>) -> Request {
    Request::new("DELETE", url)
}

/// Scheme, server and port of a URL: what an error may show of it.
fn server_of(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "the server".to_owned();
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::server_of;

    #[test]
    fn errors_show_neither_user_nor_path_nor_query() {
        let cases = [
            ("https://example.com", "https://example.com"),
            ("https://example.com:8443/a?b#c", "https://example.com:8443"),
            ("http://user:pass@example.com/secret", "http://example.com"),
            ("https://example.com?token=x", "https://example.com"),
            ("https://u:p@ss@example.com", "https://example.com"),
            ("no url", "the server"),
        ];
        for (url, server) in cases {
            assert_eq!(server_of(url), server);
        }
    }
}
