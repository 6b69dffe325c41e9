//! Spans on their way to a collector: a bounded queue, batches, and nobody who waits.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError, hyper::HyperClient};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{environment::TraceSettings, spans::Finished};

/// How long what is left may take at the end. Shorter than clients wait before they kill.
const FAREWELL: Duration = Duration::from_secs(1);

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    pub(super) fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count_dropped(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

/// The task that sends spans.
#[derive(Debug)]
pub(super) struct Export {
    queue: mpsc::Sender<Finished>,
    counts: Arc<Counts>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Export {
    /// Begins to send spans.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub(super) fn start(settings: &TraceSettings) -> Result<Self, String> {
        let trouble = Arc::new(Mutex::new(String::new()));
        let client = Client { inner: client(settings)?, trouble: Arc::clone(&trouble) };
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(settings.endpoint.to_string())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .build()
            .map_err(|error| error.to_string())?;
        exporter.set_resource(&resource());
        let (queue, waiting) = mpsc::channel(settings.max_waiting);
        let (counts, stop) = (Arc::new(Counts::default()), CancellationToken::new());
        let batches = Batches {
            waiting,
            exporter,
            trouble,
            endpoint: settings.shown(),
            delay: settings.delay,
            most: settings.max_batch,
            counts: Arc::clone(&counts),
            stop: stop.clone(),
            is_failing: false,
        };
        Ok(Self { queue, counts, stop, task: tokio::spawn(batches.run()) })
    }

    pub(super) fn queue(&self) -> mpsc::Sender<Finished> {
        self.queue.clone()
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Sends what waits, for [`FAREWELL`] at most.
    pub(super) async fn finish(mut self) {
        self.stop.cancel();
        if timeout(FAREWELL, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the last traces were not sent: the collector did not answer in time");
        }
        if self.counts.dropped() > 0 {
            tracing::info!("{} spans were sent and {} dropped", self.counts.exported(), self.counts.dropped());
        }
    }
}

/// What describes this process in every span. A name that the variables give comes before ours.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version.clone()).build();
    let name = resource.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    if name.starts_with("unknown_service") {
        return Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).with_attribute(version).build();
    }
    resource
}

struct Batches {
    waiting: mpsc::Receiver<Finished>,
    exporter: SpanExporter,
    trouble: Arc<Mutex<String>>,
    endpoint: String,
    delay: Duration,
    most: usize,
    counts: Arc<Counts>,
    stop: CancellationToken,
    is_failing: bool,
}

impl Batches {
    async fn run(mut self) {
        while let Some(batch) = self.next().await {
            self.send(batch).await;
        }
    }

    /// The spans of the first call that comes and of those that come within the delay after it. At the end all that wait, as
    /// many at a time as are sent at once, and then none.
    async fn next(&mut self) -> Option<Vec<SpanData>> {
        let first = tokio::select! {
            first = self.waiting.recv() => first,
            () = self.stop.cancelled() => self.waiting.try_recv().ok(),
        };
        let mut batch = first?.spans();
        let until = tokio::time::Instant::now() + self.delay;
        while batch.len() < self.most {
            let next = tokio::select! {
                next = self.waiting.recv() => next,
                () = sleep_until(until) => None,
                () = self.stop.cancelled() => self.waiting.try_recv().ok(),
            };
            match next {
                Some(next) => batch.append(&mut next.spans()),
                None => break,
            }
        }
        Some(batch)
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len();
        match self.exporter.export(batch).await {
            Ok(()) => {
                self.counts.exported.fetch_add(spans as u64, Ordering::Relaxed);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("traces reach {} again", self.endpoint);
                }
            }
            Err(error) => {
                self.counts.count_dropped(spans);
                // Once: a collector that is down for a day is not said to be so every five seconds.
                if !std::mem::replace(&mut self.is_failing, true) {
                    let trouble = std::mem::take(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
                    let problem = if trouble.is_empty() { error.to_string() } else { trouble };
                    tracing::warn!("traces do not reach {}, and are dropped until they do: {problem}", self.endpoint);
                }
            }
        }
    }
}

/// Keeps what went wrong with a request, of which the exporter tells only that something did.
#[derive(Debug)]
struct Client {
    inner: HyperClient<HttpsConnector<HttpConnector>>,
    trouble: Arc<Mutex<String>>,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let result = self.inner.send_bytes(request).await;
        let trouble = result.as_ref().err().map(|error| innermost(&**error)).unwrap_or_default();
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        result
    }
}

/// The error at the bottom, which says what happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn client(settings: &TraceSettings) -> Result<HyperClient<HttpsConnector<HttpConnector>>, String> {
    let roots = match (&settings.ca_file, settings.endpoint.scheme_str()) {
        (_, Some("http")) => RootCertStore::empty(),
        (Some(file), _) => {
            roots_of(file).ok_or("the file that OTEL_EXPORTER_OTLP_CERTIFICATE names holds no certificate")?
        }
        (None, _) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(HyperClient::new(connector, settings.timeout, None))
}

fn roots_of(file: &Path) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).ok()? {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}
