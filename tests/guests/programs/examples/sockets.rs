//! Looks a name up, connects by TCP or opens a UDP socket, with the standard library.

use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use toolcell_test_programs::{Answer, Value, failed, plugin, text, tool};

plugin!(
    tool(
        "sockets",
        "Looks up `lookup` or connects to `connect`, both `name:port`, or binds UDP to the address `udp`. `swallow` hides a \
         failure, `crash` panics."
    ),
    sockets
);

fn sockets(arguments: &Value) -> Answer {
    let done = match (arguments["lookup"].as_str(), arguments["udp"].as_str()) {
        (Some(server), _) => server.to_socket_addrs().map(drop),
        (_, Some(address)) => UdpSocket::bind(address).map(drop),
        _ => TcpStream::connect(arguments["connect"].as_str().unwrap_or_default()).map(drop),
    };
    match done {
        Ok(()) => text("done"),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed("socket", error),
    }
}
