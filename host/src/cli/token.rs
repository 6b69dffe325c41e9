use std::{
    io::Write,
    path::Path,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::{Timestamp, tz::TimeZone};

use super::{Open, terminal};
use crate::{
    auth::{Auth, Proofs, TokenEntry, TokenFile, TokenList},
    config::TokensConfig,
    nearest::did_you_mean,
    plugin::acceptance::State,
    policy::UserName,
};

#[derive(Debug, Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it; it is shown this once
    New {
        /// Who will call with it, such as `alice` or `alice@example.com`
        user: UserName,
        /// For how long it is good, such as 90d or 12h [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<Duration>,
    },
    /// List the tokens: their users, and how long they are good
    List,
    /// Take tokens back; servers that run see it within two seconds
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Revoke {
        /// Whose tokens, all of them
        #[arg(group = "which")]
        user: Option<UserName>,
        /// One token alone, as `token list` calls it
        #[arg(long, group = "which", value_name = "ID")]
        id: Option<String>,
    },
}

impl Tokens {
    pub(super) fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let file = token_file(open)?;
        match self.command {
            Command::New { user, expires } => new(open, &file, &user, expires),
            Command::List => list(&file),
            Command::Revoke { user, id } => revoke(&file, user.as_ref(), id.as_deref()),
        }
    }
}

/// Who may call over HTTP, as toolcell.toml says; where it says nothing, those who have a token.
pub(super) fn auth(open: &Open) -> anyhow::Result<Auth> {
    let proofs = match open.config()?.auth {
        None => Proofs { tokens: Some(private()?), is_default: true, ..Proofs::default() },
        Some(config) => {
            let environment = open.environment()?;
            Proofs {
                tokens: config.tokens.map(|tokens| file_of(open, tokens)).transpose()?,
                oauth: config.oauth,
                gateway: config.gateway.map(|gateway| {
                    let secret = environment.value(&gateway.secret_env);
                    (gateway, secret)
                }),
                is_default: false,
            }
        }
    };
    Ok(Auth::start(proofs)?)
}

/// The file that the server looks at.
fn token_file(open: &Open) -> anyhow::Result<TokenFile> {
    match open.config()?.auth {
        None => private(),
        Some(config) => {
            let path = open.config_path();
            let tokens = config.tokens.with_context(|| {
                format!(
                    "{} has [auth] without tokens, so that no token would count; add tokens = true, or the name of a file",
                    path.display()
                )
            })?;
            file_of(open, tokens)
        }
    }
}

fn file_of(open: &Open, config: TokensConfig) -> anyhow::Result<TokenFile> {
    match config {
        TokensConfig::Private => private(),
        TokensConfig::File(path) => {
            let config = open.config_path();
            // `./tokens.toml` says no more than `tokens.toml`.
            let beside = config.parent().filter(|beside| *beside != Path::new(".")).unwrap_or(Path::new(""));
            Ok(TokenFile::At(beside.join(path)))
        }
    }
}

fn private() -> anyhow::Result<TokenFile> {
    Ok(TokenFile::Private(State::open()?))
}

fn new(open: &Open, file: &TokenFile, user: &UserName, expires: Option<Duration>) -> anyhow::Result<ExitCode> {
    let expires = expires.map(|lifetime| Timestamp::try_from(SystemTime::now() + lifetime)).transpose()?;
    let is_first = file.read()?.is_none();
    let token = file.change(|list| list.add(user.clone(), expires))?.context("this system has no random numbers")?;
    let mut aside = terminal::stderr();
    let until = expires.map_or_else(|| "until it is revoked".to_owned(), |expires| format!("until {}", day(expires)));
    writeln!(
        aside,
        "The token of {user}, good {until}. It is shown this once; {} has its hash alone.",
        file.path().display()
    )?;
    if is_first && open.config()?.auth.is_none() {
        writeln!(aside, "From now on, servers that this user starts with --http want a token of everybody.")?;
    }
    writeln!(terminal::stdout(), "{}", token.reveal())?;
    Ok(ExitCode::SUCCESS)
}

fn list(file: &TokenFile) -> anyhow::Result<ExitCode> {
    let list = file.read()?.unwrap_or_default();
    let width = list.entries.iter().map(|entry| entry.user.as_str().len()).max().unwrap_or(0);
    let mut out = terminal::stdout();
    let now = Timestamp::now();
    for entry in &list.entries {
        let TokenEntry { user, created, expires, .. } = entry;
        let until = match expires {
            None => "good until revoked".to_owned(),
            Some(expires) if entry.has_expired(now) => terminal::red(&format!("expired {}", day(*expires))),
            Some(expires) => format!("good until {}", day(*expires)),
        };
        writeln!(out, "{:width$}  {}  made {}  {until}", user.as_str(), entry.id(), day(*created))?;
    }
    if list.entries.is_empty() {
        writeln!(terminal::stderr(), "no tokens in {}", file.path().display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(file: &TokenFile, user: Option<&UserName>, id: Option<&str>) -> anyhow::Result<ExitCode> {
    let is_meant =
        |entry: &TokenEntry| user.is_none_or(|user| entry.user == *user) && id.is_none_or(|id| entry.id() == id);
    let taken = |list: &mut TokenList| {
        let (revoked, kept) = std::mem::take(&mut list.entries).into_iter().partition(is_meant);
        list.entries = kept;
        let revoked: Vec<TokenEntry> = revoked;
        revoked
    };
    let revoked = file.change(taken)?;
    if revoked.is_empty() {
        let list = file.read()?.unwrap_or_default();
        let ids: Vec<_> = list.entries.iter().map(TokenEntry::id).collect();
        let names = list.entries.iter().map(|entry| entry.user.as_str());
        match (user, id) {
            (Some(user), _) => anyhow::bail!("{user} has no token{}", did_you_mean(user.as_str(), names)),
            (_, id) => {
                let id = id.unwrap_or_default();
                anyhow::bail!("there is no token {id:?}{}", did_you_mean(id, ids.iter().map(String::as_str)))
            }
        }
    }
    let mut out = terminal::stdout();
    for entry in revoked {
        writeln!(out, "revoked {} of {}", entry.id(), entry.user)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Days or hours: anything shorter is no use to a person, and servers look at the file every second.
fn lifetime(text: &str) -> Result<Duration, String> {
    let problem = || format!("{text:?} is not such a time; write a whole number and d or h, such as 90d");
    let units = [('d', 24), ('h', 1)];
    let split = units.iter().find_map(|(unit, hours)| Some((text.strip_suffix(*unit)?, *hours)));
    let (number, hours) = split.ok_or_else(problem)?;
    // A century is as good as for ever, and no computation with it overflows.
    let number =
        number.parse::<u32>().ok().filter(|number| (1..=876_000 / hours).contains(number)).ok_or_else(problem)?;
    Ok(Duration::from_secs(u64::from(number * hours) * 3600))
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_days_or_hours() {
        assert_eq!(lifetime("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!(lifetime("12h"), Ok(Duration::from_secs(12 * 3600)));
        for bad in ["", "d", "0d", "-1d", "1.5d", "90", "30s", "36501d", "9999999999d", "1ä"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }
}
