//! The same tool without a sandbox: a server over HTTP as people write it with rmcp's macros.

use std::sync::Arc;

use axum::Router;
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::{net::TcpListener, runtime::Runtime};
use toolcell_bench_echo::Echo;

/// Serves until it is killed, and says on standard error where.
pub(crate) fn serve() {
    Runtime::new().expect("a runtime starts").block_on(async {
        let config = StreamableHttpServerConfig::default().with_json_response(true);
        let service = StreamableHttpService::new(|| Ok(Server), Arc::new(LocalSessionManager::default()), config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        eprintln!("listening at http://{}/mcp", listener.local_addr().expect("it is bound"));
        axum::serve(listener, Router::new().route_service("/mcp", service)).await.expect("the listener can be used");
    });
}

struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(name = "echo", description = "Returns its arguments. Reads nothing else and never fails.")]
    #[expect(clippy::unused_self, reason = "the macro calls it as a method")]
    fn echo(&self, Parameters(input): Parameters<Echo>) -> Json<Echo> {
        Json(input)
    }
}
