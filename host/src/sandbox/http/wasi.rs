//! `wasi:http` on top of the same sender.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{
    Egress,
    error::SendError,
    request::{CONNECTION_FIELDS, Invalid, OutgoingRequest, RequestBody, Timeouts},
    trace::MAX_RECEIVED,
};
use crate::{
    receipt::{AnswerPart, Denial, Stage, TlsFault, Unreachable},
    sandbox::state::CallState,
};

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _when_processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let sending = outgoing(request, options).map(|request| self.send(request));
        Box::new(async move {
            let response = sending?.await.map_err(Error::from)?;
            // The connection is driven by a task that the body owns, so nothing is left to do beside it.
            let driver = Box::new(std::future::ready(Ok(())));
            Ok((response.map(|body| body.map_err(Error::from).boxed_unsync()), driver as Box<_>))
        })
    }

    /// The sender makes its own from the server that it checked.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| CONNECTION_FIELDS.contains(name))
    }

    /// A write is copied before it is sent; the default is 1 MiB.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        64 << 10
    }
}

fn outgoing(request: Request<WasiBody>, options: Option<RequestOptions>) -> Result<OutgoingRequest, Error> {
    let (mut head, body) = request.into_parts();
    let body = body.map_err(|error| error.to_string().into());
    let body = match take_length(&mut head.headers)? {
        Some(length) => SizedBody { body: body.boxed_unsync(), left: length }.boxed_unsync(),
        None => body.boxed_unsync(),
    };
    let options = options.unwrap_or_default();
    Ok(OutgoingRequest {
        method: head.method.to_string(),
        url: head.uri.to_string(),
        headers: head.headers,
        body,
        timeouts: Timeouts {
            total: None,
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        },
    })
}

/// Takes the Content-Length field out, which libraries set for bodies that they stream: from here on the length is a
/// property of the body, and the field on the wire is made from it.
fn take_length(headers: &mut HeaderMap) -> Result<Option<u64>, Error> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => {
            let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            Some(digits.and_then(|digits| digits.parse().ok()).ok_or(Error::HttpProtocolError)?)
        }
        // Two lengths are how requests are smuggled (RFC 9112, section 11.2).
        (Some(_), Some(_)) => return Err(Error::HttpProtocolError),
    };
    headers.remove(CONTENT_LENGTH);
    Ok(length)
}

/// A body that has to be exactly so long. Less ends the connection; more is an error.
struct SizedBody {
    body: RequestBody,
    left: u64,
}

impl Body for SizedBody {
    type Data = Bytes;
    type Error = <RequestBody as Body>::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.left = self.left.checked_sub(length).ok_or("the body is longer than its Content-Length")?;
            Ok(frame)
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The nearest code that `wasi:http` has; the whole story is in the trace.
impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Invalid(Invalid::Method(_)) => Self::HttpRequestMethodInvalid,
            SendError::Invalid(Invalid::Url(_)) => Self::HttpRequestUriInvalid,
            SendError::Invalid(Invalid::Header(_) | Invalid::Body(_)) => Self::HttpProtocolError,
            SendError::Denied(Denial::SpecialAddress { .. }) => Self::DestinationIpProhibited,
            SendError::Denied(_) => Self::HttpRequestDenied,
            SendError::Unreachable { why, .. } => code(why),
        }
    }
}

fn code(why: Unreachable) -> Error {
    match why {
        Unreachable::NameNotFound => Error::DnsError { rcode: Some("NXDOMAIN".to_owned()), info_code: None },
        Unreachable::LookupFailed => Error::DnsError { rcode: None, info_code: None },
        Unreachable::Refused => Error::ConnectionRefused,
        Unreachable::NoRoute => Error::DestinationIpUnroutable,
        Unreachable::Cut => Error::ConnectionTerminated,
        Unreachable::Tls(TlsFault::NotTls | TlsFault::Handshake) => Error::TlsProtocolError,
        Unreachable::Tls(
            TlsFault::Expired
            | TlsFault::NotYetValid
            | TlsFault::WrongName
            | TlsFault::UnknownIssuer
            | TlsFault::BadCertificate,
        ) => Error::TlsCertificateError,
        Unreachable::Timeout { stage, .. } => match stage {
            Stage::Queue => Error::ConnectionLimitReached,
            Stage::Lookup => Error::DnsTimeout,
            Stage::Connect | Stage::TlsHandshake => Error::ConnectionTimeout,
            Stage::Answer => Error::HttpResponseTimeout,
            Stage::Body => Error::ConnectionReadTimeout,
        },
        Unreachable::Protocol => Error::HttpProtocolError,
        Unreachable::Encoded => Error::HttpResponseContentCoding(None),
        Unreachable::TooLarge(AnswerPart::Head) => Error::HttpResponseHeaderSectionSize(None),
        Unreachable::TooLarge(AnswerPart::Body) => Error::HttpResponseBodySize(Some(MAX_RECEIVED)),
        Unreachable::TooSlow { .. } => Error::HttpResponseTimeout,
        Unreachable::TooManyRequests { .. } => Error::ConnectionLimitReached,
        Unreachable::SentTooMuch { limit } => Error::HttpRequestBodySize(Some(limit)),
    }
}
