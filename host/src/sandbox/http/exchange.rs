//! One request and its answer over one connection, which is then closed: HTTP/1.1, nothing decompressed, no redirect
//! followed.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    credentials,
    error::{BodyRefused, Cause, SendError},
    pace::{BodyPace, LeastRate, Watched, head_is_late},
    permits::Permits,
    request::{CONNECTION_FIELDS, Checked, RequestBody},
    trace::{Entry, Ongoing},
};
use crate::{
    receipt::{ExchangeEnd, Stage},
    redact::{RedactedStream, Redactor},
};

/// The most bytes of an answer's status line and header fields.
const MAX_HEAD: usize = 64 << 10;
/// The most header fields of an answer.
const MAX_FIELDS: usize = 128;
/// How long a body may pause.
const IDLE: Duration = Duration::from_secs(10);

/// Sends the request and waits for the head of the answer. The connection lives, and holds its permits, until the body has
/// been read or dropped.
pub(super) async fn exchange(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    permits: Permits,
    request: Checked,
    ongoing: Ongoing,
    least_rate: LeastRate,
    redactor: Option<&Arc<Redactor>>,
) -> Result<Response<ResponseBody>, Cause> {
    let (timeouts, has_credential) = (request.timeouts, request.has_credential());
    let (connection, first_byte) = Watched::new(connection);
    let (mut sender, driver) = http1::Builder::new()
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(2 * MAX_HEAD)
        .handshake(TokioIo::new(connection))
        .await?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        let _permits = permits;
        // What goes wrong here comes out where the answer is waited for.
        let _ = driver.await;
    }));
    let request = request.into_wire().map(|body| CountedBody { body, entry: ongoing.entry.clone() });
    let until = timeouts.first_byte.map_or(ongoing.deadline, |first_byte| Instant::now() + first_byte);
    let head = async {
        tokio::select! {
            biased;
            head = sender.send_request(request) => Ok(head?),
            () = head_is_late(first_byte, least_rate) => Err(Cause::from(least_rate.too_slow())),
        }
    };
    let mut response = ongoing.within(Stage::Answer, until, head).await??;
    if let Some(announced) = response.body().size_hint().exact() {
        ongoing.entry.may_receive(announced)?;
    }
    if has_credential {
        credentials::check_encoding(&response)?;
    }
    strip_connection_fields(&mut response);
    if let Some(redactor) = redactor {
        credentials::redact_head(&mut response, redactor);
    }
    ongoing.at(Stage::Body);
    let status = response.status().as_u16();
    Ok(response.map(|incoming| ResponseBody {
        state: Some((incoming, driver)),
        redaction: redactor.map(Redactor::stream),
        idle: timeouts.between_bytes.map_or(IDLE, |between_bytes| between_bytes.min(IDLE)),
        timer: Box::pin(sleep_until(ongoing.deadline)),
        waiting_since: None,
        pace: BodyPace::new(least_rate),
        status,
        ongoing,
    }))
}

/// What the fields of the connection say is no longer true of the answer that the guest gets (RFC 9110, section 7.6.1).
fn strip_connection_fields<B>(response: &mut Response<B>) {
    if response.headers().contains_key(http::header::TRANSFER_ENCODING) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    for field in &CONNECTION_FIELDS {
        response.headers_mut().remove(field);
    }
}

/// The body of an answer, counted and bounded as it is read.
#[derive(Debug)]
pub(super) struct ResponseBody {
    /// `None` once it is over, well or badly. The second part is the connection.
    state: Option<(Incoming, AbortOnDropHandle<()>)>,
    /// What takes the call's secrets out.
    redaction: Option<RedactedStream>,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    pace: BodyPace,
    status: u16,
    ongoing: Ongoing,
}

impl ResponseBody {
    /// One more frame, a failure, or `None` at the end.
    fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let Some((incoming, _)) = &mut self.state else { return Poll::Ready(None) };
        if Instant::now() >= self.ongoing.deadline {
            return Poll::Ready(Some(Err(self.ongoing.timeout(Stage::Body).into())));
        }
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) else {
            if self.waiting_since.is_none() {
                let now = Instant::now();
                self.waiting_since = Some(now);
                self.timer.as_mut().reset((now + self.idle).min(self.ongoing.deadline));
            }
            ready!(self.timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(self.ongoing.timeout(Stage::Body).into())));
        };
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.ongoing.entry.received(bytes)?;
            self.pace.count(bytes, waited)?;
            Ok(frame)
        }))
    }
}

impl ResponseBody {
    /// The same without the call's secrets. Trailers are left out where there are any: nobody reads them, and they would
    /// overtake what is held back.
    fn poll_redacted(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        loop {
            let frame = ready!(self.poll_checked(cx));
            let Some(redaction) = &mut self.redaction else { return Poll::Ready(frame) };
            let shown = match frame {
                Some(Ok(frame)) => frame.into_data().map(|data| redaction.push(data)).unwrap_or_default(),
                Some(Err(cause)) => return Poll::Ready(Some(Err(cause))),
                None => match self.redaction.take().map(RedactedStream::finish).filter(|rest| !rest.is_empty()) {
                    // What began like a secret and did not go on like one.
                    Some(rest) => rest,
                    None => return Poll::Ready(None),
                },
            };
            if !shown.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(shown))));
            }
        }
    }

    /// Bytes that came and are held back.
    fn held(&self) -> u64 {
        self.redaction.as_ref().map_or(0, RedactedStream::held) as u64
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        match ready!(self.poll_redacted(cx)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(cause)) => {
                (self.state, self.redaction) = (None, None);
                if let Cause::Unreachable(why) = &cause {
                    self.ongoing.entry.end(ExchangeEnd::Failed(*why));
                }
                Poll::Ready(Some(Err(cause.at(self.ongoing.server.clone()))))
            }
            None => {
                self.state = None;
                self.ongoing.entry.end(ExchangeEnd::Answered(self.status));
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held() == 0 && self.state.as_ref().is_none_or(|(incoming, _)| incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let coming = self.state.as_ref().map_or_else(|| SizeHint::with_exact(0), |(incoming, _)| incoming.size_hint());
        let (mut all, held) = (SizeHint::new(), self.held());
        all.set_lower(coming.lower() + held);
        if let Some(upper) = coming.upper() {
            all.set_upper(upper.saturating_add(held));
        }
        all
    }
}

/// A guest that has seen enough of a body was answered.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.ongoing.entry.end(ExchangeEnd::Answered(self.status));
    }
}

/// The body of a request, counted and bounded as it is sent.
struct CountedBody {
    body: RequestBody,
    entry: Entry,
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref)
            && let Err(why) = self.entry.sending(data.len() as u64)
        {
            return Poll::Ready(Some(Err(BodyRefused(why).into())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
