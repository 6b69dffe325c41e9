use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use url::Url;

use self::{
    client::{Client, Scope, Server},
    entry::{Added, Refused},
};
use super::{Open, terminal};
use crate::{
    policy::EnvName,
    text::shell_word,
    write_file::{self, Readers},
};

mod client;
mod entry;

#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The client
    client: Client,
    /// Connect to a server that runs elsewhere, such as `https://tools.example.com/mcp`
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// The variable that holds the token for it; the configuration names the variable, never the token
    #[arg(long, value_name = "NAME", requires = "url")]
    token_env: Option<EnvName>,
    /// For everybody who works in this folder, or for yourself everywhere
    #[arg(long)]
    scope: Option<Scope>,
    /// What the client calls this server
    #[arg(long, default_value = "toolcell")]
    name: String,
    /// Write it into the client's own file, which keeps all else that is in it
    #[arg(long)]
    write: bool,
}

impl Connect {
    pub(super) fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        anyhow::ensure!(
            (1..=32).contains(&self.name.len()) && is_name(&self.name),
            "--name {:?} is not 1 to 32 of a-z, A-Z, 0-9, `-` and `_`",
            self.name
        );
        let scope = self.scope.unwrap_or_else(|| self.client.usual_scope());
        let server = match &self.url {
            Some(url) => remote(url, self.token_env)?,
            None => local(open, self.scope == Some(Scope::Project))?,
        };
        let (mut out, mut aside) = (terminal::stdout(), terminal::stderr());
        if let Some(command) = self.client.command(&self.name, &server, scope) {
            if self.write {
                let file = "~/.claude.json, which Claude Code rewrites while it runs";
                writeln!(aside, "not written: the place for this is {file}. Run this instead:")?;
            } else {
                writeln!(aside, "run this:")?;
            }
            writeln!(out, "{command}")?;
            return Ok(if self.write { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        let entry = self.client.entry(&server).map_err(anyhow::Error::msg)?;
        let file = self.client.file(scope).map_err(anyhow::Error::msg)?;
        if !self.write {
            writeln!(aside, "{}:", file.shown)?;
            writeln!(out, "{}", entry::alone(self.client.table(), &self.name, &entry))?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = file.path()?;
        match write(&path, self.client.table(), &self.name, &entry) {
            Ok(true) => {
                writeln!(aside, "wrote {}:", file.shown)?;
                writeln!(out, "{}", entry::alone(self.client.table(), &self.name, &entry))?;
            }
            Ok(false) => writeln!(aside, "{} has it already", file.shown)?,
            Err(problem) => anyhow::bail!("{}: {problem}", file.shown),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Puts the entry into the client's file. `false` where it is there already.
fn write(path: &Path, table: &entry::Table, name: &str, entry: &serde_json::Value) -> Result<bool, String> {
    let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if link {
        return Err("is a symbolic link, which is not followed; write into the file that it leads to".to_owned());
    }
    let (before, readers) = match fs::read_to_string(path) {
        Ok(text) => {
            let is_private = fs::metadata(path).is_ok_and(|found| found.permissions().mode().trailing_zeros() >= 6);
            (Some(text), if is_private { Readers::Owner } else { Readers::Everybody })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (None, Readers::Everybody),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let after = match entry::add(before.as_deref(), table, name, entry) {
        Ok(Added::Text(text)) => text,
        Ok(Added::Already) => return Ok(false),
        Err(Refused(problem)) => return Err(problem),
    };
    let written = match path.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    };
    written
        .and_then(|()| write_file::replace(path, after.as_bytes(), readers))
        .map_err(|error| format!("cannot be written: {error}"))?;
    Ok(true)
}

/// A server that runs elsewhere. A token is for `https`, or for this machine alone.
fn remote(url: &Url, token_env: Option<EnvName>) -> anyhow::Result<Server> {
    let is_loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    anyhow::ensure!(
        url.password().is_none() && url.username().is_empty() && url.query().is_none(),
        "--url holds a user, a password or a query, where secrets do not belong; name a variable with --token-env"
    );
    anyhow::ensure!(
        url.scheme() == "https" || url.scheme() == "http" && (is_loopback || token_env.is_none()),
        "--url {url}: a token goes to https alone, or to this machine; write https://"
    );
    Ok(Server::Remote { url: url.to_string(), token: token_env.map(|name| name.to_string()) })
}

/// This program, serving this folder. What is shared holds nothing that is true on this machine alone.
fn local(open: &Open, is_shared: bool) -> anyhow::Result<Server> {
    let folder = open.folder();
    let folder = folder.canonicalize().with_context(|| format!("{} cannot be found", folder.display()))?;
    let (program, folder) = if is_shared {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).context("the current folder")?;
        let inside = folder.strip_prefix(&here).map(PathBuf::from);
        let inside = inside
            .with_context(|| format!("{} is not below the current folder, where the project is", folder.display()))?;
        ("toolcell".to_owned(), inside)
    } else {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        (program.display().to_string(), folder)
    };
    let folder = if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() };
    let options = open.serve_options().into_iter().map(|option| option.to_string_lossy().into_owned());
    Ok(Server::Local { program, options: options.collect(), folder })
}

/// `a` and `b` as words of a shell.
fn shell_words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(shell_word).collect::<Vec<_>>().join(" ")
}
