//! Answers in place of servers and databases. A call that carries a [`Replay`] reaches nothing else: what it has no answer
//! for fails, and is named.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use url::Url;

use crate::receipt::Server;

mod answer;

pub use self::answer::{Body, DatabaseAnswer, DatabaseError, Fail, HttpAnswer, HttpReply, Rows};

/// What answers the requests of one call, and the only variables that it sees. Each answer serves one request, equal ones in
/// the order given.
#[derive(Debug, Default)]
pub struct Replay {
    variables: BTreeMap<String, String>,
    broken: Option<(Target, Fault)>,
    deadline: Option<Duration>,
    left: Mutex<Left>,
}

#[derive(Debug, Default)]
struct Left {
    http: Vec<HttpAnswer>,
    databases: Vec<DatabaseAnswer>,
    unexpected: Vec<String>,
}

/// What is made to fail, whatever it is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A server.
    Server(Server),
    /// A database, by its name in the manifest.
    Database(String),
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It refuses the connection.
    Refusing,
    /// It takes the request and never answers. A request that has a timeout of its own, shorter than the call's deadline,
    /// ends at once as if that time had passed; any other waits for the deadline.
    Silent,
}

/// What the host does about a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Passes this on.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Says that nothing listens there.
    Refuse,
    /// Says that no connection came about in time.
    TimeOut,
    /// Waits as for a server that does not answer.
    Silence,
    /// Refuses it: there is no answer for it.
    Unexpected,
}

impl Replay {
    /// A replay that answers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request with `status` and `body`: a JSON value, text or bytes. It matches when the method and the whole URL
    /// are equal. A JSON value also sets `content-type: application/json`.
    #[must_use]
    pub fn answer(self, method: &str, url: &str, status: u16, body: impl Into<Body>) -> Self {
        let Body { headers, bytes } = body.into();
        let reply = HttpReply::Answer { status, headers, body: bytes };
        self.http(HttpAnswer { method: method.to_owned(), url: url.to_owned(), reply })
    }

    /// Fails a request.
    #[must_use]
    pub fn fail(self, method: &str, url: &str, fail: Fail) -> Self {
        self.http(HttpAnswer { method: method.to_owned(), url: url.to_owned(), reply: HttpReply::Fail(fail) })
    }

    /// Adds an answer to a request.
    #[must_use]
    pub fn http(mut self, answer: HttpAnswer) -> Self {
        self.left_mut().http.push(answer);
        self
    }

    /// Adds an answer to a statement.
    #[must_use]
    pub fn database(mut self, answer: DatabaseAnswer) -> Self {
        self.left_mut().databases.push(answer);
        self
    }

    /// Sets a variable, which the plugin sees if it asks for it.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Unsets a variable.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Breaks one server or database.
    #[must_use]
    pub fn broken(mut self, target: Target, fault: Fault) -> Self {
        self.broken = Some((target, fault));
        self
    }

    /// Ends the call after this time, where its plugin's deadline is not shorter.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The requests that there was no answer for, in order.
    #[must_use]
    pub fn unexpected(&self) -> Vec<String> {
        self.left().unexpected.clone()
    }

    /// The requests that there still is an answer for.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let left = self.left();
        let http = left.http.iter().map(|answer| format!("{} {}", answer.method, answer.url));
        http.chain(left.databases.iter().map(DatabaseAnswer::request)).collect()
    }

    /// The value of a variable.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// When the call ends, if the replay says so.
    pub(crate) fn call_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Takes what answers a request to `url` at `server`.
    pub(crate) fn reply(&self, method: &str, url: &str, server: &Server) -> Reply {
        match &self.broken {
            Some((Target::Server(broken), Fault::Refusing)) if broken == server => return Reply::Refuse,
            Some((Target::Server(broken), Fault::Silent)) if broken == server => return Reply::Silence,
            _ => {}
        }
        let mut left = self.left();
        let asked = normal(url);
        let matches = |answer: &HttpAnswer| answer.method.eq_ignore_ascii_case(method) && normal(&answer.url) == asked;
        match left.http.iter().position(matches).map(|at| left.http.remove(at).reply) {
            Some(HttpReply::Answer { status, headers, body }) => Reply::Answer { status, headers, body },
            Some(HttpReply::Fail(Fail::Refused)) => Reply::Refuse,
            Some(HttpReply::Fail(Fail::Timeout)) => Reply::TimeOut,
            None => {
                left.unexpected.push(format!("{method} {asked}"));
                Reply::Unexpected
            }
        }
    }

    /// Takes what answers a statement, at most `max_rows` of its rows. It matches when database, statement and
    /// parameters are equal.
    ///
    /// # Errors
    ///
    /// What the database, or the host on its behalf, answers instead of rows.
    pub fn query(
        &self,
        database: &str,
        sql: &str,
        parameters: &[Value],
        max_rows: usize,
    ) -> Result<Rows, Box<DatabaseError>> {
        if let Some((Target::Database(broken), fault)) = &self.broken
            && broken == database
        {
            return Err(Box::new(DatabaseError::broken(database, *fault)));
        }
        let mut left = self.left();
        let Some(at) = left.databases.iter().position(|answer| answer.matches(database, sql, parameters)) else {
            left.unexpected.push(answer::statement(database, sql, parameters));
            return Err(Box::new(DatabaseError::unexpected(database)));
        };
        let mut rows = left.databases.remove(at).reply?;
        rows.truncated |= rows.rows.len() > max_rows;
        rows.rows.truncate(max_rows);
        Ok(rows)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_mut(&mut self) -> &mut Left {
        self.left.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The URL in the form that all spellings of it have in common, without the fragment, which no server sees.
fn normal(url: &str) -> String {
    Url::parse(url).map_or_else(
        |_| url.to_owned(),
        |mut url| {
            url.set_fragment(None);
            url.into()
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://api.example.com/a?q=1";

    fn server() -> Server {
        Server { scheme: "https".to_owned(), host: "api.example.com".to_owned(), port: 443 }
    }

    fn status(reply: &Reply) -> Option<u16> {
        if let Reply::Answer { status, .. } = reply { Some(*status) } else { None }
    }

    #[test]
    fn equal_requests_are_answered_in_order_and_others_are_named() {
        let replay = Replay::new().answer("GET", URL, 503, "").answer("GET", URL, 200, json!({}));
        assert_eq!(status(&replay.reply("GET", "https://API.example.com:443/a?q=1#there", &server())), Some(503));
        assert_eq!(replay.unused(), [format!("GET {URL}")]);
        assert_eq!(status(&replay.reply("get", URL, &server())), Some(200));
        assert!(matches!(replay.reply("GET", URL, &server()), Reply::Unexpected));
        assert!(matches!(replay.reply("POST", "https://api.example.com/b", &server()), Reply::Unexpected));
        assert_eq!(replay.unexpected(), [format!("GET {URL}"), "POST https://api.example.com/b".to_owned()]);
    }

    #[test]
    fn what_is_broken_answers_nothing_and_the_rest_does() {
        let answer = || Replay::new().answer("GET", URL, 200, "").fail("GET", URL, Fail::Timeout);
        let broken = answer().broken(Target::Server(server()), Fault::Silent);
        assert!(matches!(broken.reply("GET", URL, &server()), Reply::Silence));
        let other = Server { port: 8443, ..server() };
        let elsewhere = answer().broken(Target::Server(other), Fault::Refusing);
        assert_eq!(status(&elsewhere.reply("GET", URL, &server())), Some(200));
        assert!(matches!(elsewhere.reply("GET", URL, &server()), Reply::TimeOut));
    }

    #[test]
    fn statements_are_answered_by_their_words_and_parameters() {
        let answer = |parameters| DatabaseAnswer {
            database: "replica".to_owned(),
            sql: "select id from users where id = $1".to_owned(),
            parameters,
            reply: Ok(Rows {
                columns: vec![("id".to_owned(), "int4".to_owned())],
                rows: vec![json!([1]), json!([2])],
                truncated: false,
            }),
        };
        let replay = Replay::new().database(answer(vec![json!(1)])).database(answer(vec![json!("1")]));
        let query =
            |parameter, max_rows| replay.query("replica", "select id from users where id = $1", &[parameter], max_rows);
        let rows = query(json!("1"), 1).expect("there is an answer");
        assert_eq!((rows.rows, rows.truncated), (vec![json!([1])], true));
        assert_eq!(query(json!("1"), 1).expect_err("it was taken").code, "invalid_query");
        assert_eq!(replay.unexpected(), ["replica: select id from users where id = $1 with [\"1\"]"]);
        assert_eq!(replay.unused(), ["replica: select id from users where id = $1 with [1]"]);
        let broken = Replay::new().database(answer(vec![])).broken(Target::Database("replica".into()), Fault::Refusing);
        assert_eq!(broken.query("replica", "", &[], 1).expect_err("it is broken").code, "database_unreachable");
    }
}
