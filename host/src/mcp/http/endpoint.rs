//! One request over HTTP, from its head to its answer: who may say what is decided here, in this order; what it means is
//! rmcp's.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Version,
    header::{ACCEPT, ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcError, JsonRpcMessage},
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use tokio_util::sync::CancellationToken;

use super::{
    Peer,
    answer::{Answer, JSON, empty, holding, plain, refused, until},
    auth, body,
    counters::{Counters, Place},
    names::Names,
    plain_call::PlainCall,
    sessions::{InUse, Sessions},
};
use crate::{
    auth::Auth,
    config::HttpConfig,
    host::Host,
    mcp::{message, server::Server},
    user::User,
};

/// Where the protocol is spoken.
pub(super) const MCP: &str = "/mcp";

/// The types that an answer can have, as clients name them (MCP 2026-07-28, basic/transports).
pub(super) const BOTH: &str = "application/json, text/event-stream";

/// Names the session of the older era (MCP 2025-11-25, basic/transports, session management).
const SESSION: &str = "mcp-session-id";

/// What is served.
pub(super) struct Endpoint {
    host: Arc<Host>,
    auth: Arc<Auth>,
    names: Names,
    body: usize,
    sessions: Arc<Sessions>,
    streams: Arc<Counters<Arc<str>>>,
    mcp: StreamableHttpService<Server, Sessions>,
    ends: Ends,
}

/// The end of the server, step by step.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    /// Not ready any more.
    pub(super) unready: CancellationToken,
    /// What only waits for news ends.
    pub(super) closing: CancellationToken,
    /// All else ends, too.
    pub(super) cut: CancellationToken,
}

/// What a request uses until its answer has ended.
type Held = (Option<InUse>, Option<Place<Arc<str>>>);

impl Endpoint {
    pub(super) fn new(host: Arc<Host>, auth: Arc<Auth>, config: &HttpConfig, ends: Ends) -> Self {
        // What rmcp would check of names and origins has been checked when it gets a request.
        let rmcp = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .with_json_response(true)
            .with_max_request_body_bytes(config.body)
            .with_cancellation_token(ends.cut.clone());
        let sessions = Arc::new(Sessions::new(config));
        let (served, closing) = (Arc::clone(&host), ends.closing.clone());
        // No client closes its end of HTTP before it has its answer.
        let server = move || Ok(Server::new(Arc::clone(&served), closing.clone(), CancellationToken::new()));
        let mcp = StreamableHttpService::new(server, Arc::clone(&sessions), rmcp);
        let streams = Counters::new(config.streams_per_user);
        Self { host, auth, names: Names::new(config), body: config.body, sessions, streams, mcp, ends }
    }

    /// The sessions of the older era.
    pub(super) fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        let (request, body) = request.into_parts();
        let version = request.version;
        let mut answer = match request.uri.path() {
            "/healthz" => plain(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            _ => self.answer_known_name(request, body, peer).await,
        };
        if self.ends.unready.is_cancelled() && version <= Version::HTTP_11 {
            // So that the client, and not the end of this process, chooses when its next request goes elsewhere.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    fn readiness(&self) -> Answer {
        match (self.host.is_started(), self.ends.unready.is_cancelled()) {
            (_, true) => plain(StatusCode::SERVICE_UNAVAILABLE, "ending\n"),
            (false, _) => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            (true, false) => plain(StatusCode::OK, "ready\n"),
        }
    }

    async fn answer_known_name(&self, request: Parts, body: Incoming, peer: Peer) -> Answer {
        let checked = match self.names.check(&request) {
            Ok(checked) => checked,
            Err(refused) => return refused,
        };
        if let Some(answer) = checked.preflight(&request) {
            return answer;
        }
        let mut answer = self.answer_known_user(request, body, peer).await.unwrap_or_else(|refused| refused);
        checked.mark(&mut answer);
        answer
    }

    /// What takes most room is boxed: hyper moves the future of each request, which is as large as the largest part of it.
    async fn answer_known_user(&self, mut request: Parts, body: Incoming, peer: Peer) -> Result<Answer, Answer> {
        if let Some(document) = auth::document(&self.auth, &request) {
            return Ok(document);
        }
        if request.uri.path() != MCP {
            return Err(plain(StatusCode::NOT_FOUND, "nothing here: the endpoint is /mcp\n"));
        }
        let user = auth::identified(&self.host, &self.auth, peer, &mut request).await?;
        let session = self.session(&request.headers, &user)?;
        match request.method {
            Method::POST => self.post(request, body, user, session).await,
            Method::GET => {
                let stream = self.stream(&user)?;
                let answer = Box::pin(self.mcp.handle(without_body(from(request, &user)))).await;
                Ok(until(holding(answer, (session, stream)), self.ends.closing.clone()).map(BodyExt::boxed))
            }
            Method::DELETE => {
                let mut answer = Box::pin(self.mcp.handle(without_body(from(request, &user)))).await;
                if answer.status() == StatusCode::ACCEPTED {
                    // It has happened when this is sent, and clients warn of any other status.
                    *answer.status_mut() = StatusCode::NO_CONTENT;
                }
                Ok(answer)
            }
            _ => {
                let mut answer =
                    plain(StatusCode::METHOD_NOT_ALLOWED, "expected POST, or GET or DELETE of a session\n");
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
                Err(answer)
            }
        }
    }

    async fn post(
        &self,
        mut request: Parts,
        body: Incoming,
        user: Arc<User>,
        session: Option<InUse>,
    ) -> Result<Answer, Answer> {
        check_is_json(&request.headers)?;
        let body = body::read(body, self.body, body::TIME).await?;
        if body.trim_ascii().is_empty() {
            let error = ErrorData::parse_error("the body is empty: expected a JSON-RPC message", None);
            return Err(refused(&JsonRpcError::new(None, error)));
        }
        let Some(message) = message::decode(&body).map_err(|error| refused(&error))? else {
            // An answer to what this server never asked, or a notification that cannot be read and needs no answer.
            return Ok(empty(StatusCode::ACCEPTED));
        };
        let is_opening = session.is_none() && is_initialize(&message);
        if is_opening && !self.sessions.has_room(&user) {
            return Err(busy(StatusCode::SERVICE_UNAVAILABLE, "all sessions are taken; try again later\n"));
        }
        let stream = if is_listen(&message) { Some(self.stream(&user)?) } else { None };
        accept_what_any_means(&mut request.headers);
        if session.is_none()
            && let Some(call) = PlainCall::of(message, &request.headers, &self.host, &user)
        {
            return Ok(Box::pin(call.answer(&self.host, user, &request)).await);
        }
        let request = Request::from_parts(from(request, &user), Full::new(body));
        let held: Held = (session, stream);
        let answer = Box::pin(Sessions::of_user(user, self.mcp.handle(request))).await;
        Ok(holding(answer, held).map(BodyExt::boxed))
    }

    /// The session that the request names, where it is this user's.
    fn session(&self, headers: &HeaderMap, user: &User) -> Result<Option<InUse>, Answer> {
        let Some(id) = headers.get(SESSION) else { return Ok(None) };
        let session = id.to_str().ok().and_then(|id| self.sessions.enter(id, user));
        // Clients open a new one then (MCP 2025-11-25, basic/transports, session management).
        session.map(Some).ok_or_else(|| plain(StatusCode::NOT_FOUND, "no such session: send initialize again\n"))
    }

    /// A place for a stream that only waits for news.
    fn stream(&self, user: &User) -> Result<Place<Arc<str>>, Answer> {
        self.streams.take(&user.name().into()).ok_or_else(|| {
            busy(StatusCode::TOO_MANY_REQUESTS, "this user has all the event streams open that one user may have\n")
        })
    }
}

/// The request with whom it is from, for what comes to see it behind rmcp.
fn from(mut request: Parts, user: &Arc<User>) -> Parts {
    request.extensions.insert(Arc::clone(user));
    request
}

fn without_body(request: Parts) -> Request<Full<Bytes>> {
    Request::from_parts(request, Full::default())
}

/// Web pages can send other types to servers that never agreed to be called by pages (Fetch standard, CORS-safelisted
/// request-header).
fn check_is_json(headers: &HeaderMap) -> Result<(), Answer> {
    let content_type = headers.get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value == JSON) {
        return Ok(());
    }
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(JSON) {
        return Ok(());
    }
    Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected Content-Type: application/json\n"))
}

/// rmcp wants both types named; a client that takes anything takes both.
fn accept_what_any_means(headers: &mut HeaderMap) {
    if headers.get(ACCEPT).is_some_and(|value| value == BOTH) {
        return;
    }
    let takes_anything = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.split(',').any(is_any));
    if !headers.contains_key(ACCEPT) || headers.get_all(ACCEPT).iter().any(takes_anything) {
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH));
    }
}

/// Whether a part of an `Accept` header takes whatever comes, without a preference against it.
fn is_any(range: &str) -> bool {
    range.trim() == "*/*"
}

fn is_initialize(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::InitializeRequest(_)))
}

fn is_listen(message: &ClientJsonRpcMessage) -> bool {
    let JsonRpcMessage::Request(request) = message else { return false };
    matches!(request.request, ClientRequest::SubscriptionsListenRequest(_))
}

fn busy(status: StatusCode, problem: &str) -> Answer {
    let mut answer = plain(status, problem);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}
