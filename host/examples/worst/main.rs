//! Starts the server, sends the ten worst calls through a plain JSON-RPC pipe and shows the ten answers:
//! `cargo run --example worst`.
//!
//! The plugins are guests of the tests, which the build makes. The server is this program, started again: with arguments it is
//! `toolcell`.

mod attack;
mod screen;
mod server;

use std::{env, process::ExitCode};

use anyhow::{Result, ensure};

use self::{attack::Upstream, server::Server};

fn main() -> ExitCode {
    if env::args_os().len() > 1 {
        return toolcell::cli::main();
    }
    match show() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen::failed(&error);
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<()> {
    let upstream = Upstream::start()?;
    screen::setting_up();
    let mut server = Server::start(&upstream)?;
    let attacks = attack::ten(&upstream);
    for (number, attack) in attacks.iter().enumerate() {
        let answer = server.call(attack.tool, &attack.arguments)?;
        screen::show(number + 1, attack, &answer)?;
    }
    ensure!(server.is_running()?, "the server ended before it was told to");
    screen::sum(attacks.len(), server.process());
    server.close()
}
