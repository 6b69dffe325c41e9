//! The one sender through which every HTTP request of a guest goes, whether it comes from the contract's `http` or from
//! `wasi:http`. Only `contract` and `wasi` know the runtime.
//!
//! [`Egress::send`] shows the way of a request. Each step takes what only the step before it can make, so that no request is
//! dialled unjudged and no address unchecked.

mod contract;
mod credentials;
mod dial;
mod error;
mod exchange;
mod pace;
mod permits;
mod replay;
mod request;
mod tls;
mod trace;
mod upstream;
mod wasi;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http::Response;
use http_body_util::{BodyExt, Full};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::either::Either;

pub(crate) use self::{
    credentials::CallCredentials,
    error::SendError,
    permits::PluginConnections,
    tls::{client_config, native_roots},
    trace::Trace,
};
pub use self::{
    credentials::Credentials,
    upstream::{InvalidUpstream, Upstream, Upstreams},
};
use self::{
    dial::Addresses,
    error::Cause,
    exchange::ResponseBody,
    pace::LeastRate,
    permits::{HostConnections, Permits},
    request::{Checked, OutgoingRequest, Permitted, Timeouts},
    tls::Tls,
    trace::Ongoing,
};
pub(super) use self::{
    dial::{LOOKUPS, connect_to_any, look_up},
    error::from_io,
};
use crate::{
    policy::{Grant, Propagate},
    receipt::{Denial, ExchangeEnd, Stage},
    redact::Redactor,
    replay::Replay,
    trace_context::CallTrace,
};

/// How long a connection may take to make, look-up and TLS included: short enough that a plugin whose server is mute can
/// still say so before its own deadline.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// What all calls of a host share to send requests. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Network(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tls: Tls,
    upstreams: Upstreams,
    connections: HostConnections,
    lookups: Arc<Semaphore>,
    least_rate: LeastRate,
    propagate: Propagate,
}

impl Network {
    /// Servers that `propagate` names are told of traces.
    pub(crate) fn new(upstreams: Upstreams, propagate: Propagate) -> Self {
        Self(Arc::new(Shared { propagate, ..Shared::new(upstreams, Tls::default(), LeastRate::default()) }))
    }

    #[cfg(test)]
    fn with(upstreams: Upstreams, tls: Tls, least_rate: LeastRate) -> Self {
        Self(Arc::new(Shared::new(upstreams, tls, least_rate)))
    }
}

impl Shared {
    fn new(upstreams: Upstreams, tls: Tls, least_rate: LeastRate) -> Self {
        let lookups = Arc::new(Semaphore::new(dial::LOOKUPS));
        let connections = HostConnections::default();
        Self { tls, upstreams, connections, lookups, least_rate, propagate: Propagate::default() }
    }
}

/// Sends the requests of one call and keeps the trace of them. Costs nothing until the first one.
#[derive(Debug)]
pub(crate) struct Egress {
    sender: Sender,
    used: OnceLock<Used>,
}

/// What each request of a call takes along.
#[derive(Debug, Clone)]
struct Sender {
    network: Network,
    plugin: PluginConnections,
    grant: Arc<Grant>,
    deadline: Instant,
    replay: Option<Arc<Replay>>,
    credentials: CallCredentials,
    trace: Option<Arc<CallTrace>>,
}

#[derive(Debug, Clone)]
struct Used {
    connections: Arc<Semaphore>,
    trace: Arc<Mutex<Trace>>,
}

/// A request of the contract's `http`.
#[derive(Debug, Clone, Default)]
pub(crate) struct BufferedRequest {
    /// One of those that the contract names.
    pub(crate) method: String,
    /// Absolute, `http` or `https`.
    pub(crate) url: String,
    /// Names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body; `None` sends none.
    pub(crate) body: Option<Vec<u8>>,
    /// For the whole request.
    pub(crate) timeout: Option<Duration>,
}

/// A whole answer, as the contract's `http` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BufferedResponse {
    /// Of any class: a redirect or an error is an answer, too.
    pub(crate) status: u16,
    /// Names in lower case. Bytes of a value that are not UTF-8 are replaced.
    pub(crate) headers: Vec<(String, String)>,
    /// As it came: not decompressed.
    pub(crate) body: Vec<u8>,
}

impl Egress {
    /// For one call, which may send what `grant` allows and ends at `deadline`.
    pub(crate) fn new(
        network: Network,
        plugin: PluginConnections,
        grant: Arc<Grant>,
        deadline: std::time::Instant,
    ) -> Self {
        let sender = Sender {
            network,
            plugin,
            grant,
            deadline: deadline.into(),
            replay: None,
            credentials: CallCredentials::default(),
            trace: None,
        };
        Self { sender, used: OnceLock::new() }
    }

    /// The same, answered by the replay, if there is one, and not by servers.
    pub(crate) fn replaying(mut self, replay: Option<Arc<Replay>>) -> Self {
        self.sender.replay = replay;
        self
    }

    /// The same, which adds these credentials to requests.
    pub(crate) fn with_credentials(mut self, credentials: CallCredentials) -> Self {
        self.sender.credentials = credentials;
        self
    }

    /// The same, part of this trace.
    pub(crate) fn traced(mut self, trace: Option<Arc<CallTrace>>) -> Self {
        self.sender.trace = trace;
        self
    }

    /// Sends one request and gives the answer when its head has come. Dropping the future, or the body, closes the
    /// connection. Runs on the tokio runtime that first polls it.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the trace holds it too, whatever the guest makes of it.
    fn send(
        &self,
        request: OutgoingRequest,
    ) -> impl Future<Output = Result<Response<ResponseBody>, SendError>> + Send + use<> {
        let (sender, used) = (self.sender.clone(), self.used().clone());
        async move {
            let request = Checked::new(request)?;
            let server = request.server.clone();
            let result = sender.send(request, &used).await.map_err(|cause| cause.at(server));
            if let Err(SendError::Denied(denial)) = &result {
                used.trace().deny(denial.clone());
            }
            result
        }
    }

    /// Sends one request and gives the whole answer.
    ///
    /// # Errors
    ///
    /// As [`Egress::send`].
    pub(crate) async fn send_buffered(&self, request: BufferedRequest) -> Result<BufferedResponse, SendError> {
        let body = request.body.map(Full::from).unwrap_or_default();
        let response = self.send(OutgoingRequest {
            method: request.method,
            url: request.url,
            headers: request::header_map(request.headers)?,
            body: body.map_err(|never| match never {}).boxed_unsync(),
            timeouts: Timeouts { total: request.timeout, ..Timeouts::default() },
        });
        let (head, body) = response.await?.into_parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Ok(BufferedResponse {
            status: head.status.as_u16(),
            headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: body.collect().await?.to_bytes().into(),
        })
    }

    /// What takes the call's secrets out of what others get to see, if it has any.
    pub(crate) fn redactor(&self) -> Option<&Arc<Redactor>> {
        self.sender.credentials.redactor()
    }

    /// Records something that the guest tried on another way than HTTP and was refused.
    pub(crate) fn deny(&self, denial: Denial) {
        self.used().trace().deny(denial);
    }

    /// Takes what the call did, for its receipt. Call it before the store is dropped.
    pub(crate) fn take_trace(&self) -> Trace {
        self.used.get().map(|used| std::mem::take(&mut *used.trace())).unwrap_or_default()
    }

    fn used(&self) -> &Used {
        self.used.get_or_init(|| Used {
            connections: Arc::new(Semaphore::new(permits::PER_CALL)),
            trace: Arc::new(Mutex::new(Trace::default())),
        })
    }
}

impl Used {
    fn trace(&self) -> std::sync::MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// From a request that is well-formed to the head of its answer.
    async fn send(&self, mut request: Checked, used: &Used) -> Result<Response<ResponseBody>, Cause> {
        let server = request.server.clone();
        let permitted = Permitted::new(&self.grant, &server)?;
        let credential = self.credentials.for_request(&permitted)?;
        let deadline = request.timeouts.total.map_or(self.deadline, |total| self.deadline.min(Instant::now() + total));
        let ongoing = Ongoing::begin(&used.trace, server.clone(), request.method(), deadline);
        let entry = ongoing.entry.clone();
        if let Some(credential) = credential {
            request.add(credential);
            entry.carries(&credential.used);
        }
        if let Some(trace) = self.trace.as_ref().filter(|_| self.network.0.propagate.tells(&server)) {
            let context = trace.own.child();
            request.set_trace(&context);
            entry.traced(&context);
        }
        let result = match ongoing.entry.may_begin(request.size().unwrap_or(0)) {
            Ok(()) => match &self.replay {
                Some(replay) => self.replayed(replay, request, used, ongoing).await,
                None => self.dial_and_exchange(request, &permitted, used, ongoing).await,
            },
            Err(why) => Err(why.into()),
        };
        match &result {
            Err(Cause::Unreachable(why)) => entry.end(ExchangeEnd::Failed(*why)),
            Err(Cause::Denied(_)) => entry.withdraw(),
            Err(Cause::Invalid(_)) | Ok(_) => {}
        }
        result
    }

    async fn dial_and_exchange(
        &self,
        request: Checked,
        permitted: &Permitted<'_>,
        used: &Used,
        ongoing: Ongoing,
    ) -> Result<Response<ResponseBody>, Cause> {
        let network = &self.network.0;
        let permits = Permits::acquire(&used.connections, &self.plugin, &network.connections, &request.server);
        let permits = ongoing.within(Stage::Queue, ongoing.deadline, permits).await?;

        let connect = request.timeouts.connect.map_or(CONNECT, |connect| connect.min(CONNECT));
        let until = ongoing.deadline.min(Instant::now() + connect);
        let substitute = network.upstreams.substitute_for(&request.server);
        let addresses = async {
            match substitute {
                Some(substitute) => Addresses::of_substitute(substitute, &network.lookups).await,
                None => Addresses::of(permitted, &network.lookups).await,
            }
        };
        let addresses = ongoing.within(Stage::Lookup, until, addresses).await??;
        let stream = addresses.connect(&ongoing, until).await?;

        let dialled = substitute.unwrap_or(permitted.server());
        let connection = if dialled.scheme == "https" {
            let handshake = network.tls.handshake(dialled, stream);
            Either::Left(ongoing.within(Stage::TlsHandshake, until, handshake).await??)
        } else {
            Either::Right(stream)
        };
        exchange::exchange(connection, permits, request, ongoing, network.least_rate, self.credentials.redactor()).await
    }
}
