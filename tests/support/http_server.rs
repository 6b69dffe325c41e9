//! `toolcell serve --http` on a free port.

use std::process::Command;

use crate::{client::Client, folder::Folder};

/// A server that ends with the test.
pub struct Served {
    process: Client,
    /// Where clients go: `http://127.0.0.1:PORT/mcp`.
    pub url: String,
}

impl Served {
    /// Serves a folder with its lock file as it is.
    pub fn new(folder: &Folder, options: &[&str]) -> Self {
        Self::start(folder.toolcell().args(["serve", "--locked", "--http", "127.0.0.1:0"]).args(options))
    }

    /// The same at an address of one's own.
    pub fn at(folder: &Folder, address: &str) -> Self {
        Self::start(folder.toolcell().args(["serve", "--locked", "--http", address]))
    }

    /// Starts the server that this command is.
    pub fn start(command: &mut Command) -> Self {
        let process = Client::start(command);
        let line = process.wait_for_log("listening at ");
        let (_, url) = line.split_once("listening at ").expect("it was looked for");
        let url = url.split_whitespace().next().expect("the address").to_owned();
        Self { process, url }
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.process()
    }

    /// Waits until it has ended by itself, and says with what code.
    pub fn ended(self) -> Option<i32> {
        self.process.close().code()
    }
}
