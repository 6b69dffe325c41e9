use std::{io::Write, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Open, terminal};
use crate::text::shell_word;

#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The client
    client: Client,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Client {
    ClaudeCode,
    ClaudeDesktop,
    Cursor,
    Vscode,
    Codex,
}

impl Connect {
    pub(super) fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let folder = open.folder();
        let folder = folder.canonicalize().with_context(|| format!("{} cannot be found", folder.display()))?;
        let (program, folder) = (program.display().to_string(), folder.display().to_string());
        let server = json!({"command": program, "args": ["serve", folder]});
        let (file, text) = match self.client {
            Client::ClaudeCode => (
                "run this",
                format!("claude mcp add toolcell -- {} serve {}", shell_word(&program), shell_word(&folder)),
            ),
            Client::ClaudeDesktop => {
                ("claude_desktop_config.json", format!("{:#}", json!({"mcpServers": {"toolcell": server}})))
            }
            Client::Cursor => (".cursor/mcp.json", format!("{:#}", json!({"mcpServers": {"toolcell": server}}))),
            Client::Vscode => {
                let server = json!({"type": "stdio", "command": program, "args": ["serve", folder]});
                (".vscode/mcp.json", format!("{:#}", json!({"servers": {"toolcell": server}})))
            }
            // A JSON string is a TOML string.
            Client::Codex => (
                "~/.codex/config.toml",
                format!("[mcp_servers.toolcell]\ncommand = {}\nargs = [\"serve\", {}]", json!(program), json!(folder)),
            ),
        };
        writeln!(terminal::stderr(), "{file}:")?;
        writeln!(terminal::stdout(), "{text}")?;
        Ok(ExitCode::SUCCESS)
    }
}
