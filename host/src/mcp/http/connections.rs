//! Connections: how many there may be, how long each may take for what, and how they end.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    pin,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Peer,
    answer::holding,
    bounded::{Activity, Bounded, Times},
    counters::{Counters, Place},
    endpoint::Endpoint,
    listener::{Listener, Stream},
    tls::Certificate,
};
use crate::config::HttpConfig;

/// For a request's head, and before it for TLS to be agreed on.
const HEAD: Duration = Duration::from_secs(10);

/// For a client to take some of what is written to it.
const STALLED: Duration = Duration::from_secs(30);

/// Bytes of a request's head: a token of a large organisation can have 8 KiB.
const HEAD_SIZE: u32 = 32 << 10;

/// Requests at the same time on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// How often an HTTP/2 client is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// How long a connection that has just been opened may take for its first request where the server is about to end: the
/// client has most likely sent it already.
const NEWCOMER: Duration = Duration::from_secs(1);

/// How long it is waited where the machine cannot accept a connection, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// All connections, and what each of them is served with.
pub(super) struct Connections {
    endpoint: Arc<Endpoint>,
    tls: Option<TlsAcceptor>,
    http: auto::Builder<TokioExecutor>,
    times: Times,
    places: Arc<Semaphore>,
    addresses: Arc<Counters<IpAddr>>,
    is_crowded: AtomicBool,
    under_way: Arc<AtomicUsize>,
    tasks: TaskTracker,
    /// No more connections, and those that are there end after what is under way.
    closing: CancellationToken,
    /// Everything ends now.
    cut: CancellationToken,
}

/// What a connection holds while it is there.
type Places = (OwnedSemaphorePermit, Option<Place<IpAddr>>);

impl Connections {
    pub(super) fn new(
        endpoint: Endpoint,
        tls: Option<&Certificate>,
        config: &HttpConfig,
        closing: CancellationToken,
        cut: CancellationToken,
    ) -> Arc<Self> {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(None::<Duration>).max_buf_size(HEAD_SIZE as usize);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_SIZE)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        Arc::new(Self {
            endpoint: Arc::new(endpoint),
            tls: tls.map(|certificate| TlsAcceptor::from(Arc::new(certificate.server_config()))),
            http,
            times: Times { head: HEAD, idle: config.idle, stalled: STALLED },
            places: Arc::new(Semaphore::new(config.connections)),
            addresses: Counters::new(config.connections_per_address),
            is_crowded: AtomicBool::new(false),
            under_way: Arc::default(),
            tasks: TaskTracker::new(),
            closing,
            cut,
        })
    }

    /// Serves whoever comes to the listener until it is time to close, those included that had come before then.
    pub(super) async fn accept(self: Arc<Self>, listener: Listener) {
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Waits until every connection has ended.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Requests that are being answered.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Serves a connection where there is a place for it, and closes it otherwise.
    fn admit(self: &Arc<Self>, stream: Stream, peer: Peer) {
        let Some(places) = self.places(peer) else { return };
        let connections = Arc::clone(self);
        self.tasks.spawn(async move {
            match stream {
                Stream::Tcp(stream) => connections.handshake(stream, peer).await,
                Stream::Unix(stream) => connections.handshake(stream, peer).await,
            }
            drop(places);
        });
    }

    fn places(&self, peer: Peer) -> Option<Places> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            if !self.is_crowded.swap(true, Ordering::Relaxed) {
                tracing::warn!("connections are refused: [http] connections in toolcell.toml are all taken");
            }
            return None;
        };
        self.is_crowded.store(false, Ordering::Relaxed);
        let Some(network) = peer.network() else { return Some((place, None)) };
        let of_network = self.addresses.take(&network);
        if of_network.is_none() {
            tracing::debug!(%network, "a connection is refused: [http] connections-per-address are all taken");
        }
        Some((place, Some(of_network?)))
    }

    async fn handshake(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Some(tls) = &self.tls else { return self.serve(stream, peer).await };
        let agreed = tokio::select! {
            agreed = timeout(HEAD, tls.accept(stream)) => agreed,
            () = self.cut.cancelled() => return,
        };
        match agreed {
            Ok(Ok(stream)) => self.serve(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
            Err(_) => tracing::debug!("a client took too long for TLS"),
        }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let activity = Activity::new(Arc::clone(&self.under_way));
        let service = service_fn(|request: http::Request<Incoming>| {
            let (under_way, endpoint) = (activity.begin(request.version()), Arc::clone(&self.endpoint));
            async move { Ok::<_, Infallible>(holding(endpoint.answer(request, peer).await, under_way)) }
        });
        let stream = TokioIo::new(Bounded::new(stream, Arc::clone(&activity), self.times));
        let connection = self.http.serve_connection(stream, service);
        pin!(connection);
        let leave = async {
            self.closing.cancelled().await;
            tokio::select! {
                () = activity.first() => {}
                () = sleep(NEWCOMER) => {}
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = leave => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => return,
                }
            }
            () = self.cut.cancelled() => return,
        };
        if let Err(error) = ended {
            // Clients go whenever they like.
            tracing::debug!("a connection ended: {error}");
        }
    }
}
