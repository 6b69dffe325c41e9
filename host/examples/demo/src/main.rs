//! Sets up what is missing, serves the plugins of this repository with `toolcell serve --locked`, and calls their tools with
//! a real MCP client over stdio: `cargo run --release --example demo`.
//!
//! No internet is needed: a server on this machine answers with the examples of the plugins. `cargo run --release --example
//! demo -- --live` asks the real ones.

mod client;
mod screen;
mod setup;
mod upstream;

use anyhow::Result;
use clap::Parser;
use serde_json::json;

use self::{client::Client, setup::Program, upstream::Upstream};

/// Builds Toolcell and its plugins, serves them and calls their tools over MCP.
#[derive(Debug, Parser)]
struct Options {
    /// Ask the real Hacker News and Reddit
    #[arg(long)]
    live: bool,
}

/// The servers that the tools ask and that are on this machine, unless the real ones are asked for.
const SUBSTITUTED: [&str; 2] = ["https://hn.algolia.com", "https://www.reddit.com"];

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let (plugins, faulty) =
        (setup::repository().join("plugins"), setup::repository().join("host/examples/demo/plugins"));

    screen::heading("Set up");
    let program = Program::build()?;
    program.build_plugins(&plugins)?;
    program.build_plugins(&faulty)?;

    let search = upstream::example("hn-search", "search")?;
    let subreddit = upstream::example("content-opportunity", "subreddit")?;
    let upstream = if options.live { None } else { Some(Upstream::start(&[&search, &subreddit]).await?) };
    let substituted = upstream
        .iter()
        .flat_map(|upstream| SUBSTITUTED.map(|original| format!("{original}=http://{}", upstream.address())));

    let client = Client::start(program.serve(&plugins, &substituted.collect::<Vec<_>>())).await?;
    client.list().await?;
    screen::heading("Call");
    client.answers("count_text", json!({"text": "to be or not to be"})).await?;
    client.answers("diff_text", json!({"before": "deadline = \"30s\"\n", "after": "deadline = \"5s\"\n"})).await?;
    client.answers("query_json", json!({"json": "[{\"id\": 1}, {\"id\": 2}]", "json_path": "$[?@.id > 1]"})).await?;
    client.answers("search_hn", search.arguments).await?;
    client.answers("search_subreddit", subreddit.arguments).await?;
    screen::heading("What a model reads when a call fails");
    client.fails("count_text", json!({"txt": 7}), "invalid_arguments").await?;
    client.fails("fetch_page", json!({"url": "https://example.com/"}), "denied_network").await?;
    client.fails("query_replica", json!({"sql": "SELECT 1"}), "database_not_configured").await?;
    client.close().await?;

    let client = Client::start(program.serve(&faulty, &[])).await?;
    client.list().await?;
    client.fails("average", json!({"numbers": []}), "trap").await?;
    client.fails("count_down", json!({"from": 3, "step": 0}), "deadline").await?;
    client.answers("average", json!({"numbers": [1, 2, 6]})).await?;
    client.close().await?;

    screen::heading("Add it to Claude Code");
    screen::note("once, to accept plugins/toolcell.lock as your own: target/release/toolcell allow");
    program.connect("claude-code", &plugins)
}
