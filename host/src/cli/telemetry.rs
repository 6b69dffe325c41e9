//! How `serve` is watched for its operator.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;

use super::Open;
use crate::{config::Config, host::Host, telemetry::Telemetry};

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Serve metrics for Prometheus at this address, such as 127.0.0.1:9464; the endpoint is /metrics
    #[arg(long = "metrics", value_name = "ADDRESS")]
    address: Option<SocketAddr>,
}

impl Watch {
    /// Begins to watch a host that serves one client alone. Others may serve clients of their own by the same toolcell.toml:
    /// the first has the address, and the rest serve without it.
    pub(super) async fn of_one_client(&self, open: &Open, host: &Arc<Host>) -> anyhow::Result<Telemetry> {
        let config = open.config()?;
        let listener = match (self.listener(&config).await, self.address) {
            (Err(error), None) if is_taken(&error) => {
                tracing::warn!("metrics are not served: {error:#}");
                None
            }
            (listener, _) => listener?,
        };
        Ok(Telemetry::start(host, listener, &config.metrics, &config.otlp))
    }

    /// Begins to watch a host.
    pub(super) async fn start(&self, open: &Open, host: &Arc<Host>) -> anyhow::Result<Telemetry> {
        let config = open.config()?;
        Ok(Telemetry::start(host, self.listener(&config).await?, &config.metrics, &config.otlp))
    }

    async fn listener(&self, config: &Config) -> anyhow::Result<Option<TcpListener>> {
        let Some(address) = self.address.or(config.metrics.listen) else { return Ok(None) };
        let listener = TcpListener::bind(address).await;
        listener.map(Some).with_context(|| format!("cannot listen at {address} for metrics"))
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}
