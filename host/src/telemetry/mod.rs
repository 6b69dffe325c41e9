//! What an operator sees of calls from outside: metrics in the text format of OpenMetrics, and traces that are sent to an
//! OpenTelemetry collector. What each of them means is in docs/telemetry.md.
//!
//! All of it watches ([`crate::observe`]) and is made only where it is configured, so that without it a call costs nothing
//! more. Spans are made after the call from its receipt, in a task of their own.

mod bounded;
mod endpoint;
mod environment;
mod export;
mod metrics;
mod process;
mod spans;
mod state;
mod traces;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::{MetricsConfig, OtlpConfig},
    host::Host,
};
use environment::TraceSettings;
use export::Export;
use metrics::Metrics;
use state::State;
use traces::Traces;

/// Whatever watches the calls of a host for its operator. Dropping it ends `/metrics`; [`Telemetry::finish`] sends what is
/// left.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Option<(SocketAddr, AbortOnDropHandle<()>)>,
    traces: Option<Export>,
}

impl Telemetry {
    /// Begins to watch the host: serves metrics at `listener`, if there is one, and sends traces where `otlp` or the standard
    /// variables (OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter Configuration") say
    /// so. What is wrong with those is logged, and no traces are sent. Must be called within a runtime.
    #[must_use]
    pub fn start(host: &Arc<Host>, listener: Option<TcpListener>, metrics: &MetricsConfig, otlp: &OtlpConfig) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let traces = TraceSettings::read(otlp, variable).transpose().and_then(|settings| {
            let settings = settings.and_then(|settings| Ok((Export::start(&settings)?, settings)));
            settings.map_err(|problem| tracing::warn!("no traces are sent: {problem}")).ok()
        });
        let traces = traces.map(|(export, settings)| {
            tracing::info!("traces go to {}", settings.shown());
            host.observe(Arc::new(Traces::new(&export, otlp.users)));
            host.keep_traces(settings.sampling);
            export
        });
        let metrics = listener.and_then(|listener| {
            let address = listener.local_addr().ok()?;
            let counted = Arc::new(Metrics::new(metrics.users));
            host.observe(Arc::clone(&counted) as _);
            let state = State::new(host, traces.as_ref().map(Export::counts));
            tracing::info!("metrics are at http://{address}/metrics");
            let served = tokio::spawn(endpoint::serve(listener, address, counted, state));
            Some((address, AbortOnDropHandle::new(served)))
        });
        Self { metrics, traces }
    }

    /// Where metrics are served.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(address, _)| *address)
    }

    /// Sends the traces of calls that have ended, for a second at most: whoever waits for the program to end does not wait
    /// for a collector.
    pub async fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish().await;
        }
    }
}
