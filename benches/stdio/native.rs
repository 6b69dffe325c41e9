//! The same tool without a sandbox: servers as people write them with rmcp's macros.

use rmcp::{
    ServiceExt,
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
    transport::{stdio, stdio_pipes},
};
use tokio::runtime::Runtime;
use toolcell_bench_echo::Echo;

/// On which of rmcp's transports a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `stdio()`, which hands every read and write to a thread that may block.
    Stdio,
    /// `stdio_pipes()`, which does not block.
    StdioPipes,
}

/// Serves one client until it closes its end.
pub(crate) fn serve(transport: Transport) {
    let runtime = Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let running = match transport {
            Transport::Stdio => Server.serve(stdio()).await,
            Transport::StdioPipes => Server.serve(stdio_pipes()).await,
        };
        running.expect("the client opens a session").waiting().await.expect("the server ends with its client");
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
