//! What each client wants to read, and where. As their makers document it: Claude Code (code.claude.com/docs/en/mcp), Claude
//! Desktop (modelcontextprotocol.io/docs/develop/connect-local-servers), Cursor (cursor.com/docs/context/mcp), VS Code
//! (code.visualstudio.com/docs/copilot/reference/mcp-configuration), Codex (developers.openai.com/codex/mcp).

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{entry::Table, shell_words};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    ClaudeCode,
    ClaudeDesktop,
    Cursor,
    Vscode,
    Codex,
}

/// Whose configuration it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    /// A file in this folder, to be committed
    Project,
    /// A file in your home folder
    User,
}

/// What a client is to connect to.
#[derive(Debug)]
pub(super) enum Server {
    /// A program that the client starts.
    Local { program: String, options: Vec<String>, folder: String },
    /// A server that runs already, and the variable that holds the token for it.
    Remote { url: String, token: Option<String> },
}

/// A file of a client's.
pub(super) struct ClientFile {
    /// As people write it.
    pub(super) shown: &'static str,
    below: Below,
    path: &'static str,
}

/// Which folder the path of a file is relative to.
#[derive(Clone, Copy)]
enum Below {
    /// The current one, where the project is.
    Here,
    Home,
    /// Where the machine's programs keep their settings.
    Settings,
}

impl ClientFile {
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        let folder = match self.below {
            Below::Here => Some(PathBuf::new()),
            Below::Home => dirs::home_dir(),
            Below::Settings => dirs::config_dir(),
        };
        Ok(folder.context("there is no home folder: HOME is not set")?.join(self.path))
    }
}

impl Client {
    /// The scope of the file that one would usually edit by hand.
    pub(super) fn usual_scope(self) -> Scope {
        match self {
            Self::Cursor | Self::Vscode => Scope::Project,
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Codex => Scope::User,
        }
    }

    /// Where the entries of servers are in the client's file.
    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor => &Table::Json("mcpServers"),
            Self::Vscode => &Table::Json("servers"),
            Self::Codex => &Table::Toml("mcp_servers"),
        }
    }

    /// The client's file.
    pub(super) fn file(self, scope: Scope) -> Result<ClientFile, &'static str> {
        let (shown, below, path) = match (self, scope) {
            (Self::ClaudeCode, _) => (".mcp.json", Below::Here, ".mcp.json"),
            (Self::ClaudeDesktop, Scope::User) => {
                let path = "Claude/claude_desktop_config.json";
                ("claude_desktop_config.json", Below::Settings, path)
            }
            (Self::ClaudeDesktop, Scope::Project) => {
                return Err("Claude Desktop has no file for a project; use --scope user");
            }
            (Self::Cursor, Scope::Project) => (".cursor/mcp.json", Below::Here, ".cursor/mcp.json"),
            (Self::Cursor, Scope::User) => ("~/.cursor/mcp.json", Below::Home, ".cursor/mcp.json"),
            (Self::Vscode, Scope::Project) => (".vscode/mcp.json", Below::Here, ".vscode/mcp.json"),
            (Self::Vscode, Scope::User) => ("mcp.json of your VS Code profile", Below::Settings, "Code/User/mcp.json"),
            (Self::Codex, Scope::Project) => (".codex/config.toml", Below::Here, ".codex/config.toml"),
            (Self::Codex, Scope::User) => ("~/.codex/config.toml", Below::Home, ".codex/config.toml"),
        };
        Ok(ClientFile { shown, below, path })
    }

    /// The command by which the client adds the server itself, where that is the way to do it.
    pub(super) fn command(self, name: &str, server: &Server, scope: Scope) -> Option<String> {
        if (self, scope) != (Self::ClaudeCode, Scope::User) {
            return None;
        }
        Some(match server {
            Server::Local { program, options, folder } => {
                let words = [program.as_str(), "serve"].into_iter().chain(options.iter().map(String::as_str));
                format!("claude mcp add {name} -- {}", shell_words(words.chain([folder.as_str()])))
            }
            Server::Remote { url, token } => {
                let header = token.iter().map(|name| format!(" --header 'Authorization: Bearer ${{{name}}}'"));
                format!(
                    "claude mcp add --transport http {name} {}{}",
                    shell_words([url.as_str()]),
                    header.collect::<String>()
                )
            }
        })
    }

    /// The server as the client's file has it.
    pub(super) fn entry(self, server: &Server) -> Result<Value, &'static str> {
        Ok(match server {
            Server::Local { program, options, folder } => {
                // Relative to the project, wherever the editor was started.
                let folder = match self {
                    Self::Cursor | Self::Vscode if !folder.starts_with('/') => format!("${{workspaceFolder}}/{folder}"),
                    _ => folder.clone(),
                };
                let arguments =
                    ["serve"].into_iter().chain(options.iter().map(String::as_str)).chain([folder.as_str()]);
                let arguments: Vec<_> = arguments.collect();
                match self {
                    Self::Vscode => json!({"type": "stdio", "command": program, "args": arguments}),
                    _ => json!({"command": program, "args": arguments}),
                }
            }
            Server::Remote { url, token } => {
                let mut entry = match self {
                    Self::ClaudeDesktop => {
                        return Err(
                            "Claude Desktop's file names programs only; add the URL as a custom connector in its settings",
                        );
                    }
                    Self::ClaudeCode | Self::Vscode => json!({"type": "http", "url": url}),
                    Self::Cursor | Self::Codex => json!({"url": url}),
                };
                if let Some(name) = token {
                    let bearer = match self {
                        Self::Codex => {
                            entry["bearer_token_env_var"] = json!(name);
                            return Ok(entry);
                        }
                        Self::Cursor | Self::Vscode => format!("Bearer ${{env:{name}}}"),
                        Self::ClaudeCode | Self::ClaudeDesktop => format!("Bearer ${{{name}}}"),
                    };
                    entry["headers"] = json!({"Authorization": bearer});
                }
                entry
            }
        })
    }
}
