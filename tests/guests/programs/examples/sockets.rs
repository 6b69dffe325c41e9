//! Looks a name up, or connects by TCP, with the standard library.

use std::net::{TcpStream, ToSocketAddrs};
use toolcell_test_programs::{Answer, Value, failed, plugin, text, tool};

plugin!(
    tool(
        "sockets",
        "Looks up `lookup` or connects to `connect`, both `name:port`. `swallow` hides a failure, `crash` panics."
    ),
    sockets
);

fn sockets(arguments: &Value) -> Answer {
    let done = match arguments["lookup"].as_str() {
        Some(server) => server.to_socket_addrs().map(drop),
        None => TcpStream::connect(arguments["connect"].as_str().unwrap_or_default()).map(drop),
    };
    match done {
        Ok(()) => text("done"),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed("socket", error),
    }
}
