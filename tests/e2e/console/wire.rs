//! Requests to the status page, byte by byte: no client would send some of them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::client::{Client, PATIENCE};

/// The page of a server, and what opens it.
pub struct Page {
    pub url: String,
    pub token: String,
    /// As a browser sends it.
    pub cookie: String,
    /// As the server set it.
    pub set_cookie: String,
    port: u16,
}

/// An answer to the end.
pub struct Answer {
    pub status: u16,
    head: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    /// Opens the address that the server prints.
    pub fn open(client: &Client) -> Self {
        let line = client.wait_for_log("status page: ");
        let url = line.split_once("status page: ").expect("it was waited for").1.to_owned();
        let (base, token) = url.split_once("/?token=").expect("a token");
        let port = base.rsplit_once(':').expect("a port").1.parse().expect("a number");
        let mut page =
            Self { token: token.to_owned(), cookie: String::new(), set_cookie: String::new(), port, url: url.clone() };
        let answer = page.raw("GET", &format!("/?token={token}"), &[&format!("Host: {}", page.host())], "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.header("set-cookie").expect("a cookie").clone_into(&mut page.set_cookie);
        page.set_cookie.split(';').next().unwrap_or_default().clone_into(&mut page.cookie);
        page
    }

    /// The page of a server that it opens for users.
    pub fn elsewhere(client: &Client) -> Self {
        let line = client.wait_for_log("status page: ");
        let url = line.split_once("status page: ").expect("it was waited for").1.to_owned();
        let port = url.trim_end_matches('/').rsplit_once(':').expect("a port").1.parse().expect("a number");
        Self { url, token: String::new(), cookie: String::new(), set_cookie: String::new(), port }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, &self.headers(&[]), "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::read(self.begin_post(path, body))
    }

    /// Sends a request and leaves its answer in the connection.
    pub fn begin_post(&self, path: &str, body: &Value) -> TcpStream {
        let origin = format!("Origin: http://{}", self.host());
        self.send("POST", path, &self.headers(&["Content-Type: application/json", &origin]), &body.to_string())
    }

    /// The stream of news.
    pub fn events(&self) -> Events {
        let connection = self.send("GET", "/api/events", &self.headers(&[]), "");
        Events(BufReader::new(connection))
    }

    pub fn raw(&self, method: &str, path: &str, headers: &[impl AsRef<str>], body: &str) -> Answer {
        Answer::read(self.send(method, path, headers, body))
    }

    fn headers(&self, more: &[&str]) -> Vec<String> {
        let own = [format!("Host: {}", self.host()), format!("Cookie: {}", self.cookie)];
        own.into_iter().chain(more.iter().map(ToString::to_string)).collect()
    }

    fn send(&self, method: &str, path: &str, headers: &[impl AsRef<str>], body: &str) -> TcpStream {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("the page is served");
        connection.set_read_timeout(Some(PATIENCE)).expect("a time");
        let headers: String = headers.iter().map(|header| format!("{}\r\n", header.as_ref())).collect();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
        // What is refused may be answered before it was read.
        let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body.as_bytes()));
        connection
    }
}

impl Answer {
    fn read(mut connection: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A server that has not read all of a request ends the connection after its answer.
        let _ = connection.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("the page is UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let head =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { status: status.expect("a status"), head: head.collect(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// News, one JSON value each.
pub struct Events(BufReader<TcpStream>);

impl Events {
    pub fn read(&mut self) -> Value {
        let mut lines = self.0.by_ref().lines();
        let data =
            lines.find_map(|line| line.expect("the stream goes on").strip_prefix("data: ").map(ToOwned::to_owned));
        serde_json::from_str(&data.expect("news")).expect("it is JSON")
    }
}
