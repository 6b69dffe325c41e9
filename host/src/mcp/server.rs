//! What the server answers to each method, in both eras of the protocol.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
        Implementation, InitializeRequestParams, InitializeResult, ListToolsResult, MetaObject, PaginatedRequestParams,
        ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{convert, progress};
use crate::{
    call::{Call, ProgressSender},
    host::{Host, UnknownTool},
    text,
};

/// How long a client may keep a list that it does not listen to. Short: a plugin that is changed on disk is seen soon.
const FRESH: Duration = Duration::from_secs(5);

/// For how long after a client came its lists of tools wait for plugins that have to be compiled: some clients never ask again.
const START: Duration = Duration::from_secs(3);

/// The methods that this server answers, where rmcp hands malformed parameters over as if the method were unknown.
/// `tools/call` and `tools/list` are not among them: the transport decodes those itself.
const KNOWN_METHODS: [&str; 4] = ["initialize", "ping", "server/discover", "subscriptions/listen"];

/// Characters of a protocol error that can quote the request.
const PROBLEM_LENGTH: usize = 200;

/// One connection's view of the host.
pub(super) struct Server {
    host: Arc<Host>,
    /// Cancelled when the client has closed its end: what only waits for news then ends.
    input_ended: CancellationToken,
    /// Whether a client of the older era is being told about changes.
    announces: AtomicBool,
    came: Instant,
    /// What has changed since the client came.
    news: watch::Receiver<u64>,
    /// What every result of the newer era carries.
    identity: MetaObject,
}

impl Server {
    pub(super) fn new(host: Arc<Host>, input_ended: CancellationToken) -> Self {
        let mut identity = MetaObject::default();
        identity.insert(
            "io.modelcontextprotocol/serverInfo".to_owned(),
            serde_json::json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }),
        );
        let news = host.changes();
        Self { host, input_ended, announces: AtomicBool::new(false), came: Instant::now(), news, identity }
    }

    /// Also says which plugins are still being loaded: the tool may be one of theirs.
    fn unknown(&self, tool: &UnknownTool) -> String {
        let mut problem = text::shown(&tool.to_string(), PROBLEM_LENGTH);
        let loading: Vec<_> = self.host.catalog().loading.iter().map(ToString::to_string).collect();
        if !loading.is_empty() {
            problem.push_str(&format!("; still being loaded, try again in some seconds: {}", loading.join(", ")));
        }
        problem
    }

    /// What goes into the `_meta` of a result in the newer era.
    fn meta(&self, version: &ProtocolVersion) -> Option<MetaObject> {
        (*version >= ProtocolVersion::V_2026_07_28).then(|| self.identity.clone())
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        let config = ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
        match self.host.instructions() {
            instructions if instructions.is_empty() => config,
            instructions => config.with_instructions(instructions),
        }
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        let mut client = request;
        client.protocol_version = result.protocol_version.clone();
        context.peer.set_peer_info(client);
        Ok(result)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()).with_ttl_ms(milliseconds(FRESH)))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let version = spoken_version(&context)?;
        if let Some(cursor) = request.and_then(|request| request.cursor) {
            return Err(ErrorData::invalid_params(
                format!(
                    "cursor {cursor:?} is not one of this server's: the whole list is one page, ask without a cursor"
                ),
                None,
            ));
        }
        self.host.started(START.saturating_sub(self.came.elapsed())).await;
        let mut list = ListToolsResult::with_all_items(convert::tools(&self.host.catalog()));
        if let Some(identity) = self.meta(&version) {
            list.ttl_ms = Some(milliseconds(FRESH));
            list.cache_scope = Some(CacheScope::Private);
            list.meta = Some(identity);
        }
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let version = spoken_version(&context)?;
        let CallToolRequestParams { name, arguments, .. } = request;
        let arguments = arguments.unwrap_or_default();
        let call = Call { cancel: context.ct.clone(), ..Call::detached() };
        let outcome = match context.meta.get_progress_token() {
            None => self.host.call(&name, arguments, call).await,
            Some(token) => {
                let (sender, reports) = ProgressSender::channel();
                let call = Call { progress: Some(sender), ..call };
                // The call is polled to its end, whatever becomes of its progress: its store is the evidence.
                let forward = progress::forward(reports, token, &context.peer, &self.input_ended);
                tokio::join!(self.host.call(&name, arguments, call), forward).0
            }
        };
        let outcome = outcome.map_err(|unknown| ErrorData::invalid_params(self.unknown(&unknown), None))?;
        let mut result = convert::result(&name, outcome);
        if let Some(identity) = self.meta(&version) {
            result.meta.get_or_insert_default().extend(identity);
        }
        Ok(result.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        // rmcp leaves out what the capabilities do not offer.
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut news = self.host.changes();
        let tools = subscription.accepted().tools_list_changed == Some(true);
        loop {
            tokio::select! {
                () = subscription.cancelled() => return Ok(()),
                () = self.input_ended.cancelled() => return Ok(()),
                changed = news.changed(), if tools => {
                    if changed.is_err() || subscription.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        // In the newer era clients listen; and one announcement of each change is enough.
        if context.peer.peer_info().is_none() || self.announces.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut news = self.news.clone();
        loop {
            tokio::select! {
                () = self.input_ended.cancelled() => return,
                changed = news.changed() => {
                    if changed.is_err() || context.peer.notify_tool_list_changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        if KNOWN_METHODS.contains(&method.as_str()) {
            return Err(ErrorData::invalid_params(
                format!("params of {method} do not have the shape that the protocol gives them"),
                None,
            ));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method:.64}"), None))
    }
}

/// The protocol version that the request names, or that `initialize` agreed on.
fn spoken_version(context: &RequestContext<RoleServer>) -> Result<ProtocolVersion, ErrorData> {
    context.protocol_version().ok_or_else(|| {
        ErrorData::invalid_params(
            "the request does not say which protocol it speaks: put io.modelcontextprotocol/protocolVersion and \
             io.modelcontextprotocol/clientCapabilities into its _meta, or send initialize first",
            None,
        )
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
