//! Answers of our own, and what is done to rmcp's.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
use rmcp::model::{ErrorData, JsonRpcError};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The type of what is one JSON value.
pub(super) const JSON: &str = "application/json";

/// An answer whose body is whole or comes bit by bit.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new().boxed());
    *answer.status_mut() = status;
    answer
}

/// An answer for people.
pub(super) fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::from(text.to_owned()).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// An answer for programs, with status 400 where the protocol's code says that nothing could be read (MCP 2026-07-28,
/// basic/transports, sending messages).
pub(super) fn refused(error: &JsonRpcError) -> Answer {
    let ErrorData { code, .. } = &error.error;
    let was_read = error.id.is_some() && *code == rmcp::model::ErrorCode::INVALID_PARAMS;
    let status = if was_read { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let json = serde_json::to_vec(error).unwrap_or_default();
    let mut answer = Response::new(Full::from(json).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    answer
}

/// The answer, holding on to something until its last byte is sent or nobody wants it any more.
pub(super) fn holding<T>(answer: Answer, held: T) -> Response<Held<T>> {
    answer.map(|body| Held { body, kept: Some(held), until: None })
}

/// The answer, which also ends when the token is cancelled.
pub(super) fn until<T>(answer: Response<Held<T>>, end: CancellationToken) -> Response<Held<T>> {
    answer.map(|body| Held { until: Some(Box::pin(end.cancelled_owned())), ..body })
}

/// The body of such an answer.
pub(super) struct Held<T> {
    body: BoxBody<Bytes, Infallible>,
    kept: Option<T>,
    until: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<T: Unpin> Body for Held<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let is_over = matches!(frame, Poll::Ready(None))
            || frame.is_pending() && self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
        if is_over {
            self.kept = None;
            return Poll::Ready(None);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
