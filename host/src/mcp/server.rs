//! What the server answers to each method, in both eras of the protocol.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ::http::request::Parts;
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
        Implementation, InitializeRequestParams, InitializeResult, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, RequestId, RequestMetaObject, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    convert::{self, Answered},
    http, progress,
};
use crate::{
    call::{Call, ProgressSender},
    host::{Host, UnknownTool},
    text,
    trace_context::{Carried, TraceContext},
    user::User,
};

/// How long a client may keep a list that it does not listen to. Short: a plugin that is changed on disk is seen soon.
const FRESH: Duration = Duration::from_secs(5);

/// For how long after a client came its lists of tools wait for plugins that have to be compiled: some clients never ask again.
const START: Duration = Duration::from_secs(3);

/// For how long a call waits at the start for its plugin to be compiled: clients know tools from before.
const LATE: Duration = Duration::from_secs(5);

/// How often it is looked whether a client that is told about changes is still there.
const LOOK: Duration = Duration::from_secs(5);

/// The methods that this server answers, where rmcp hands malformed parameters over as if the method were unknown.
/// `tools/call` and `tools/list` are not among them: the transport decodes those itself.
const KNOWN_METHODS: [&str; 4] = ["initialize", "ping", "server/discover", "subscriptions/listen"];

/// Those of them that the newer era does not have.
const OLDER_METHODS: [&str; 2] = ["initialize", "ping"];

/// Characters of a protocol error that can quote the request.
const PROBLEM_LENGTH: usize = 200;

/// One connection's view of the host.
pub(super) struct Server {
    host: Arc<Host>,
    /// Cancelled when nobody waits for news any more.
    news_ended: CancellationToken,
    /// Cancelled when the client has closed its end, after which rmcp sends results only.
    input_ended: CancellationToken,
    /// Whether a client of the older era is being told about changes.
    announces: AtomicBool,
    came: Instant,
    /// What has changed since the client came.
    news: watch::Receiver<u64>,
}

impl Server {
    pub(super) fn new(host: Arc<Host>, news_ended: CancellationToken, input_ended: CancellationToken) -> Self {
        let news = host.changes();
        Self { host, news_ended, input_ended, announces: AtomicBool::new(false), came: Instant::now(), news }
    }

    async fn answer_call(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let version = spoken_version(&context)?;
        let over_http = context.extensions.get::<Parts>();
        let trace = self.host.begin_trace(&request.name, || carried(over_http, &context.meta, &context.id, &version));
        let (user, cancel) = (user(over_http)?, context.ct.clone());
        let call = Call { cancel, trace, ..Call::of(user) };
        let result = match context.meta.get_progress_token() {
            None => called(&self.host, request, call).await,
            Some(token) => {
                let (sender, reports) = ProgressSender::channel();
                let call = Call { progress: Some(sender), ..call };
                // The call is polled to its end, whatever becomes of its progress: its store is the evidence.
                let forward = progress::forward(reports, token, &context.peer, &self.input_ended);
                tokio::join!(called(&self.host, request, call), forward).0
            }
        };
        Ok(result?.into_rmcp(&version).into())
    }
}

impl ServerHandler for Server {
    /// What is the same for every user. The library asks for it without saying for whom, so `initialize` and `discover` add the
    /// instructions.
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        result.instructions = Some(self.host.instructions(&*user(context.extensions.get())?));
        let mut client = request;
        client.protocol_version = result.protocol_version.clone();
        context.peer.set_peer_info(client);
        Ok(result)
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let info = self.get_info().with_instructions(self.host.instructions(&*user(context.extensions.get())?));
        Ok(DiscoverResult::from_server_info(versions, info).with_ttl_ms(milliseconds(FRESH)))
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
        let mut list =
            ListToolsResult::with_all_items(convert::tools(self.host.catalog().of(&*user(context.extensions.get())?)));
        if let Some(identity) = convert::identity(&version) {
            list.ttl_ms = Some(milliseconds(FRESH));
            list.cache_scope = Some(CacheScope::Private);
            list.meta = Some(identity);
        }
        Ok(list)
    }

    /// The part of a tool by which the transport over HTTP holds `Mcp-Param-*` headers to the arguments that they repeat (MCP
    /// 2026-07-28, basic/transports, `x-mcp-header`): nothing else of it is read.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        let (catalog, user) = (self.host.catalog(), http::current_user()?);
        let schema = Arc::clone(catalog.of(&user).get(name)?.input_schema());
        Some(Tool::new(String::new(), String::new(), schema))
    }

    /// Boxed, because rmcp makes the futures of all requests as large as the largest, and moves each of them several times on
    /// its way into a task.
    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send {
        Box::pin(self.answer_call(request, context))
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
                () = self.news_ended.cancelled() => return Ok(()),
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
                () = self.news_ended.cancelled() => return,
                () = gone(&context.peer) => return,
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
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        let is_newer = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        let is_known = |methods: &[&str]| methods.contains(&method.as_str());
        if is_known(&KNOWN_METHODS) && !(is_newer && is_known(&OLDER_METHODS)) {
            return Err(ErrorData::invalid_params(
                format!("params of {method} do not have the shape that the protocol gives them"),
                None,
            ));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method:.64}"), None))
    }
}

/// Ends some time after the client has: rmcp does not tell those who handle a notification.
async fn gone(client: &Peer<RoleServer>) {
    while !client.is_transport_closed() {
        sleep(LOOK).await;
    }
}

/// The result of a call.
pub(super) async fn called(host: &Host, request: CallToolRequestParams, call: Call) -> Result<Answered, ErrorData> {
    let CallToolRequestParams { name, arguments, .. } = request;
    let user = Arc::clone(&call.user);
    if !host.is_started() {
        let _ = call.cancel.run_until_cancelled(host.found(&name, &user, LATE)).await;
    }
    let outcome = host.call(&name, arguments.unwrap_or_default(), call).await;
    let outcome = outcome.map_err(|tool| ErrorData::invalid_params(unknown(host, &tool, &user), None))?;
    Ok(Answered::of(&name, outcome))
}

/// Also says which plugins are still being loaded: the tool may be one of theirs.
fn unknown(host: &Host, tool: &UnknownTool, user: &User) -> String {
    let mut problem = text::shown(&tool.to_string(), PROBLEM_LENGTH);
    let loading: Vec<_> = host.catalog().of(user).loading().map(ToString::to_string).collect();
    if !loading.is_empty() {
        problem.push_str(&format!("; still being loaded, try again in some seconds: {}", loading.join(", ")));
    }
    problem
}

/// Who sent the request: over HTTP, whom the transport has found; over stdio, whoever started the program.
fn user(over_http: Option<&Parts>) -> Result<Arc<User>, ErrorData> {
    let Some(parts) = over_http else { return Ok(User::local()) };
    let found = parts.extensions.get::<Arc<User>>().map(Arc::clone);
    found.ok_or_else(|| ErrorData::internal_error("nobody has found out who sent the request", None))
}

/// What the request says of the trace that it belongs to: in its `_meta` for itself, and over HTTP in the header for whatever
/// carried it. Where there is one only, the call belongs to that.
pub(super) fn carried(
    over_http: Option<&Parts>,
    meta: &RequestMetaObject,
    id: &RequestId,
    version: &ProtocolVersion,
) -> Carried {
    let of_meta = meta.get_traceparent();
    let of_meta = of_meta.and_then(|parent| TraceContext::parse(parent, meta.get_tracestate()));
    let of_header = over_http.and_then(|parts| {
        let field = |name: &str| {
            parts.headers.get_all(name).iter().map(|value| value.to_str().ok()).collect::<Option<Vec<_>>>()
        };
        let [parent] = field(TraceContext::PARENT)?[..] else { return None };
        TraceContext::parse(parent, field(TraceContext::STATE).map(|state| state.join(",")).as_deref())
    });
    let (parent, carrier) = match of_meta {
        Some(parent) => (Some(parent), of_header),
        None => (of_header, None),
    };
    Carried {
        carrier: carrier.filter(|carrier| Some(carrier) != parent.as_ref()),
        parent,
        protocol: version.to_string(),
        request: id.to_string(),
        transport: if over_http.is_some() { "tcp" } else { "pipe" },
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
