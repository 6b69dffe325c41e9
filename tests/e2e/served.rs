//! MCP over HTTP, and what stands around it: the real server, reached by plain sockets.

mod bounds;
mod drain;
mod eras;
mod places;
mod refusals;
mod reload;
mod tls;
