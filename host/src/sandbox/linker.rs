//! Everything that a component can import: the contract's interfaces, and all of WASI 0.2 with nothing behind it but what
//! was granted.

use wasmtime::{
    Engine,
    component::{HasData, HasSelf, Linker, Resource},
};
use wasmtime_wasi::p2::{
    SocketError, SocketResult,
    bindings::sockets::{ip_name_lookup, network, tcp_create_socket, udp_create_socket},
};

use super::{
    bindings::toolcell::plugin::{cache, http, log, postgres, progress, tool_types},
    cache::keyvalue,
    drafts, files,
    state::CallState,
};
use crate::{call::Progress, receipt::Denial, text};

/// The linker for every plugin.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    tool_types::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    progress::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    http::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    cache::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    postgres::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    keyvalue::add_to_linker(&mut linker)?;
    drafts::add_to_linker(&mut linker)?;
    // The runtime refuses sockets, look-ups and paths by itself, but silently: these note what was refused.
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<_, Refusing>(&mut linker, refusing)?;
    tcp_create_socket::add_to_linker::<_, Refusing>(&mut linker, refusing)?;
    udp_create_socket::add_to_linker::<_, Refusing>(&mut linker, refusing)?;
    files::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

impl tool_types::Host for CallState {}

impl log::Host for CallState {
    fn log(&mut self, level: log::Level, message: String) {
        let Some(left) = self.log_left.checked_sub(message.len().max(1)) else {
            if self.log_left > 0 {
                self.log_left = 0;
                tracing::warn!(plugin = &*self.plugin, tool = &*self.tool, call = %self.id, "[log truncated]");
            }
            return;
        };
        self.log_left = left;
        let (plugin, tool, call) = (&*self.plugin, &*self.tool, self.id);
        let message = text::one_line(&self.redacted(message));
        match level {
            log::Level::Debug => tracing::debug!(plugin, tool, %call, "{message}"),
            log::Level::Info => tracing::info!(plugin, tool, %call, "{message}"),
            log::Level::Warn => tracing::warn!(plugin, tool, %call, "{message}"),
            log::Level::Error => tracing::error!(plugin, tool, %call, "{message}"),
        }
    }
}

impl progress::Host for CallState {
    fn report(&mut self, done: f64, total: Option<f64>, message: Option<String>) {
        if let Some(progress) = &self.progress {
            let message = message.map(|message| text::shown(&self.redacted(message), Progress::MAX_MESSAGE));
            progress.report(Progress { done, total, message });
        }
    }
}

struct Refusing;

fn refusing(state: &mut CallState) -> RefusingView<'_> {
    RefusingView(state)
}

struct RefusingView<'a>(&'a mut CallState);

impl HasData for Refusing {
    type Data<'a> = RefusingView<'a>;
}

impl RefusingView<'_> {
    fn refuse<T>(&self, denial: Denial) -> SocketResult<T> {
        self.0.egress.deny(denial);
        Err(SocketError::from(network::ErrorCode::AccessDenied))
    }
}

impl network::Host for RefusingView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        _error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<network::ErrorCode>> {
        Ok(None)
    }
}

impl network::HostNetwork for RefusingView<'_> {
    fn drop(&mut self, _network: Resource<network::Network>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl ip_name_lookup::Host for RefusingView<'_> {
    fn resolve_addresses(
        &mut self,
        _network: Resource<network::Network>,
        name: String,
    ) -> SocketResult<Resource<ip_name_lookup::ResolveAddressStream>> {
        self.refuse(Denial::NameLookup(text::shown(&name, 253)))
    }
}

/// No stream is ever made, so none can be asked.
impl ip_name_lookup::HostResolveAddressStream for RefusingView<'_> {
    fn resolve_next_address(
        &mut self,
        _stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> SocketResult<Option<network::IpAddress>> {
        Err(SocketError::from(network::ErrorCode::AccessDenied))
    }

    fn subscribe(
        &mut self,
        _stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<wasmtime_wasi::p2::DynPollable>> {
        Err(wasmtime::Error::msg("no look-up was started"))
    }

    fn drop(&mut self, _stream: Resource<ip_name_lookup::ResolveAddressStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl tcp_create_socket::Host for RefusingView<'_> {
    fn create_tcp_socket(
        &mut self,
        _family: network::IpAddressFamily,
    ) -> SocketResult<Resource<tcp_create_socket::TcpSocket>> {
        self.refuse(Denial::Socket)
    }
}

impl udp_create_socket::Host for RefusingView<'_> {
    async fn create_udp_socket(
        &mut self,
        _family: network::IpAddressFamily,
    ) -> SocketResult<Resource<udp_create_socket::UdpSocket>> {
        self.refuse(Denial::Socket)
    }
}
