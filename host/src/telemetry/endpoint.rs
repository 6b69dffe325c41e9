//! `/metrics`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::encoding::text;
use tokio::net::TcpListener;

use super::{metrics::Metrics, state::State};

/// The text format of OpenMetrics 1.0.0.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves metrics until the future is dropped.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, metrics: Arc<Metrics>, state: State) {
    let is_local = address.ip().is_loopback();
    let state = Arc::new(state);
    let page = move |headers: HeaderMap| {
        let answer = page(&headers, is_local, &metrics, &state);
        async move { answer }
    };
    if let Err(error) = axum::serve(listener, Router::new().route("/metrics", get(page))).await {
        tracing::error!("metrics are no longer served: {error}");
    }
}

fn page(headers: &HeaderMap, is_local: bool, metrics: &Metrics, state: &State) -> Response {
    if is_local && !names_this_machine(headers) {
        let problem = "this address answers to localhost and loopback addresses only\n";
        return (StatusCode::FORBIDDEN, problem).into_response();
    }
    let mut page = String::new();
    let written =
        metrics.write(&mut page).and_then(|()| state.write(&mut page)).and_then(|()| text::encode_eof(&mut page));
    match written {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the request is for this machine by a name that nobody else can give to it: a page in a browser that was led here
/// by its own name (DNS rebinding) reads nothing.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let names_this_machine = |host: &'static str| {
            names_this_machine(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]))
        };
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1:9464", "[::1]:9464", "127.0.0.2"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in ["", "evil.example:9464", "localhost.evil.example", "192.0.2.1:9464", "127.0.0.1.evil.example"] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
