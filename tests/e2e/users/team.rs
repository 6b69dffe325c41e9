//! A host in this process, for users whom no transport has to establish. It reads toolcell.toml as `serve --locked` does.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toolcell::{
    call::Call,
    config::Config,
    env_file::EnvFile,
    failure::Report,
    host::{Host, UnknownTool},
    plugin::{Environment, Registry, Sources},
    policy::units::duration_text,
    sandbox::{Redis, Sandbox, Settings},
    source::Source,
    user::User,
    users::{Users, read_values},
};

use crate::folder::{Folder, sandbox, state};

/// Its host and the folder that it serves.
pub struct Team {
    pub folder: Folder,
    pub host: Arc<Host>,
    pub runtime: Runtime,
}

impl Team {
    /// The folder with this toolcell.toml, and these lines for `--env-file`.
    pub fn new(folder: Folder, toml: &str, env_file: &str) -> Self {
        Self::keeping(folder, toml, env_file, None)
    }

    /// The same, with what plugins keep in the Redis at this URL.
    pub fn keeping(folder: Folder, toml: &str, env_file: &str, redis: Option<&str>) -> Self {
        folder.write("toolcell.toml", toml);
        let runtime = Runtime::new().expect("a runtime starts");
        let redis = redis.map(|url| Redis::at(url).expect("it is a URL"));
        let sandbox = sandbox(Settings { slots: 32, redis, ..Settings::default() });
        let host = runtime.block_on(host(&folder, &sandbox, env_file));
        Self { folder, host: Arc::new(host), runtime }
    }

    pub fn user(&self, name: &str) -> Arc<User> {
        if name == User::LOCAL { User::local() } else { self.host.users().get(name).expect("let in") }
    }

    /// The names in the user's list of tools.
    pub fn tools(&self, name: &str) -> Vec<String> {
        self.host.catalog().of(&self.user(name)).tools().map(|tool| tool.name().to_owned()).collect()
    }

    pub fn instructions(&self, name: &str) -> String {
        self.host.instructions(&self.user(name))
    }

    /// What comes of one call of this user.
    pub fn call(&self, name: &str, tool: &str, arguments: Value) -> Result<Value, Box<Report>> {
        let call = call(Arc::clone(&self.host), self.user(name), tool.to_owned(), arguments);
        self.runtime.block_on(call).expect("the user may call it")
    }

    /// The answer to a call of a tool that does not exist, as far as the user knows.
    pub fn unknown(&self, name: &str, tool: &str) -> UnknownTool {
        let call = call(Arc::clone(&self.host), self.user(name), tool.to_owned(), json!({}));
        self.runtime.block_on(call).expect_err("the user may not call it")
    }
}

/// One call, from its arguments to its structured result or to what the model reads.
pub async fn call(
    host: Arc<Host>,
    user: Arc<User>,
    tool: String,
    arguments: Value,
) -> Result<Result<Value, Box<Report>>, UnknownTool> {
    let arguments = arguments.as_object().expect("an object").clone();
    let outcome = host.call(&tool, arguments, Call { user, ..Call::detached() }).await?;
    let answer = outcome.result.map(|output| output.structured.unwrap_or_default());
    Ok(answer.map_err(|failure| Box::new(failure.report(&tool, &outcome.receipt))))
}

/// The text of a failure, without what differs from run to run.
pub fn text(report: &Report) -> String {
    let text = report.text().replace(&report.call, "CALL");
    match report.retry_after_ms {
        Some(wait) => text.replace(&format!("in {},", duration_text(Duration::from_millis(wait))), "in TIME,"),
        None => text,
    }
}

async fn host(folder: &Folder, sandbox: &Arc<Sandbox>, env_file: &str) -> Host {
    let beside = folder.plugins().parent().expect("it is in a folder").to_owned();
    let config = Config::load(None, &beside).expect("the test writes it well");
    let file = EnvFile::parse(&Source { file: "host.env", text: env_file }).expect("the test writes it well");
    let environment = Environment { file };
    let values = read_values(&config.user_values, &beside, &environment);
    let users = Users::new(config.policy.users.clone(), &values);
    let sources =
        Sources { folder: folder.plugins(), policy: config.policy, state: state(), environment, locked: true };
    let registry = Registry::open(sources, Arc::clone(sandbox)).await.expect("the folder can be read");
    Host::new(registry, Arc::clone(sandbox)).with_users(users)
}
