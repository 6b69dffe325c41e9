//! What the page asks for, and what it gets.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, RawQuery, rejection::JsonRejection},
    http::{StatusCode, header},
    middleware::map_response,
    response::{
        Html, IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::{sync::OwnedSemaphorePermit, time::sleep};

use super::{
    Console,
    explain::{bounded, explain, in_full},
    gate::{Caller, Operator, Refusal, Visitor},
    page::{self, FILES, File},
    status::{self, milliseconds, unix},
};
use crate::{
    call::Call,
    outcome::{Blob, Content, Contents, Outcome, Output},
    text,
};

/// Bytes of the arguments of a call, as over HTTP.
const MAX_BODY: usize = 1 << 20;
/// Characters of a text in an answer that is shown.
const MAX_SHOWN: usize = 200_000;
/// The least time between two messages to a page. Longer than a shared status may be old, so that it holds the news.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a page hears of what tells nobody that it changes, such as memory in use.
const TICK: Duration = Duration::from_secs(2);
/// How often a page that hears nothing else is told that the connection stands.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The page replaces the one with the token in its address. Not by a redirect: a browser that came by a link on another
/// site would keep back the new cookie on the way. It names the icon, for which browsers would otherwise ask by a name of
/// their own.
const WELCOME: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; \
                       url=/\"><link rel=\"icon\" href=\"/icon.svg\"><title>Toolcell</title><p><a href=\"/\">Open the \
                       status page</a></p></html>";

pub(super) fn router(console: Arc<Console>) -> Router {
    let mut router = Router::new()
        .route("/", get(index))
        .route("/api/status", get(current))
        .route("/api/events", get(events))
        .route("/api/plugins", get(plugins))
        .route("/api/tools/{name}", get(tool))
        .route("/api/tools/{name}/call", post(call))
        .route("/api/failures/{call}", get(failure))
        .route("/api/calls/{call}/cancel", post(cancel));
    for file in FILES.into_iter().filter(|file| file.path != "/") {
        router = router.route(file.path, get(async move |_: Visitor| file));
    }
    router
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(page::guarded))
        .with_state(console)
}

/// The page for a visitor, and the cookie for one who has the token.
async fn index(caller: Caller, visitor: Result<Visitor, Refusal>, RawQuery(query): RawQuery) -> Response {
    if let Some(cookie) = query.and_then(|query| caller.admit(&query)) {
        return ([(header::SET_COOKIE, cookie)], Html(WELCOME)).into_response();
    }
    match visitor {
        Ok(_) => {
            let [page, ..]: [File; FILES.len()] = FILES;
            page.into_response()
        }
        // In words: a person reads it.
        Err(refusal) => {
            let words = refusal.to_string();
            (refusal.into_response().status(), format!("Toolcell: {}.\n", words.trim_end_matches('.'))).into_response()
        }
    }
}

async fn current(visitor: Visitor) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], visitor.console().status().to_string()).into_response()
}

/// The status now, and whenever it changes.
async fn events(visitor: Visitor) -> Response {
    let console = Arc::clone(visitor.console());
    let Ok(permit) = Arc::clone(&console.streams).try_acquire_owned() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "as many pages are open as may be");
    };
    let reader = Reader { news: console.record.news(), console, told: Arc::from(""), _permit: permit };
    Sse::new(stream::unfold(reader, Reader::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// One page that is told of news.
struct Reader {
    console: Arc<Console>,
    news: tokio::sync::watch::Receiver<u64>,
    told: Arc<str>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let shutdown = self.console.shutdown.clone();
        while !self.told.is_empty() {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                _ = self.news.changed() => sleep(PAUSE).await,
                () = sleep(TICK) => {}
            }
            if self.console.status() != self.told {
                break;
            }
        }
        self.told = self.console.status();
        let event = Event::default().event("status").data(&*self.told);
        Some((Ok(event), self))
    }
}

async fn plugins(visitor: Visitor) -> Response {
    let console = Arc::clone(visitor.console());
    // Reads files.
    match tokio::task::spawn_blocking(move || console.plugins()).await {
        Ok(plugins) => Json(&*plugins).into_response(),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the plugins could not be described; the log says why"),
    }
}

async fn tool(visitor: Visitor, Path(name): Path<String>) -> Response {
    let console = visitor.console();
    let catalog = console.host.catalog();
    let Some(tool) = catalog.get(&name) else { return unknown_tool() };
    let (hints, limits) = (tool.hints(), tool.grant().limits());
    Json(json!({
        "name": tool.name(),
        "ownName": tool.own_name(),
        "plugin": tool.plugin(),
        "title": tool.title(),
        "description": tool.description(),
        "hints": {
            "readOnly": hints.read_only,
            "destructive": hints.destructive,
            "idempotent": hints.idempotent,
            "openWorld": hints.open_world,
        },
        "deadlineMs": milliseconds(limits.deadline),
        "memory": limits.memory,
        "concurrency": limits.concurrency,
        "inputSchema": **tool.input_schema(),
        "outputSchema": tool.output_schema().map(|schema| (**schema).clone()),
        "readOnly": console.config.read_only,
        "points": status::points(&console.record.kept(), &name),
    }))
    .into_response()
}

async fn failure(visitor: Visitor, Path(call): Path<String>) -> Response {
    let Some(failed) = visitor.console().record.kept().failed_call(&call) else {
        return problem(
            StatusCode::NOT_FOUND,
            "this failure is not kept any more; the host's log has it by the call's id",
        );
    };
    Json(json!({
        "call": failed.id,
        "tool": failed.tool,
        "plugin": failed.plugin,
        "user": failed.user,
        "endedMs": unix(failed.ended),
        "report": failed.explanation.report,
        "receipt": failed.explanation.receipt,
    }))
    .into_response()
}

async fn cancel(operator: Operator, Path(call): Path<String>) -> Response {
    let Some(live) = operator.console().record.kept().live_call(&call) else {
        return problem(StatusCode::NOT_FOUND, "this call has ended already");
    };
    tracing::info!(call = %live.id, tool = live.name, "cancelled from the status page");
    live.cancel.cancel();
    (StatusCode::ACCEPTED, Json(json!({ "call": live.id }))).into_response()
}

/// Calls a tool as a client would.
async fn call(
    operator: Operator,
    Path(name): Path<String>,
    arguments: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Response {
    let arguments = match arguments {
        Ok(Json(arguments)) => arguments,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let (console, call) = (Arc::clone(operator.console()), Call { user: operator.user(), ..Call::detached() });
    // On a task of its own, so that the call is polled to its end, and is cancelled where the page goes away.
    let _cancelled_with_the_request = call.cancel.clone().drop_guard();
    let called = name.clone();
    match tokio::spawn(async move { console.host.call(&called, arguments, call).await }).await {
        Ok(Ok(outcome)) => Json(answer(&name, &outcome)).into_response(),
        Ok(Err(_)) => unknown_tool(),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the call ended without an outcome; the log says why"),
    }
}

fn answer(tool: &str, outcome: &Outcome) -> Value {
    let receipt = in_full(&outcome.receipt);
    match &outcome.result {
        Ok(Output { content, structured }) => {
            let content: Vec<_> = content.iter().map(part).collect();
            let structured = structured.as_ref().map(|value| text::shown(&format!("{value:#}"), MAX_SHOWN));
            json!({ "content": content, "structured": structured, "receipt": receipt })
        }
        Err(failure) => json!({ "report": explain(tool, failure, &outcome.receipt).report, "receipt": receipt }),
    }
}

/// A part of an answer as text: the page shows neither images nor links that somebody else wrote.
fn part(part: &Content) -> Value {
    let blob = |kind: &str, blob: &Blob| {
        bounded(json!({ "kind": kind, "mediaType": blob.mime_type, "bytes": blob.data.len() }))
    };
    match part {
        Content::Text(text) => json!({ "kind": "text", "text": text::shown(text, MAX_SHOWN) }),
        Content::Image(image) => blob("image", image),
        Content::Audio(audio) => blob("audio", audio),
        Content::Link { uri, name, .. } => bounded(json!({ "kind": "link", "text": format!("{name}: {uri}") })),
        Content::Embedded { uri, contents: Contents::Text(text), .. } => {
            json!({ "kind": "resource", "uri": text::shown(uri, 2_000), "text": text::shown(text, MAX_SHOWN) })
        }
        Content::Embedded { uri, mime_type, contents: Contents::Blob(data) } => {
            bounded(json!({ "kind": "resource", "uri": uri, "mediaType": mime_type, "bytes": data.len() }))
        }
        Content::Other(json) => json!({ "kind": "other", "text": text::shown(json, MAX_SHOWN) }),
    }
}

async fn nothing_here(_: Visitor) -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here")
}

fn unknown_tool() -> Response {
    problem(StatusCode::NOT_FOUND, "no tool of this name is served")
}

fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
