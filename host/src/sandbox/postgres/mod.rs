//! The one way of a guest to PostgreSQL: databases that the operator configured, asked in read-only transactions. Only
//! `contract` knows the runtime.
//!
//! [`query::Question::put`] shows the way of a question. User and password stay in [`url::Target`].

mod connect;
mod contract;
mod decode;
mod error;
mod meter;
mod parameter;
mod pool;
mod query;
mod replay;
mod trace;
mod url;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use self::{
    connect::Dialer,
    pool::Pool,
    query::{Answer, Question},
    trace::Trace,
    url::Target,
};
use super::http::LOOKUPS;
use crate::{
    policy::{DatabaseName, Grant},
    receipt::{DatabaseFailure, DatabaseFault, DatabasePlace, Denial, Query, QueryEnd, Stage, Unreachable},
};

/// Questions that one call may put.
const MAX_QUESTIONS: u64 = 1_000;
/// Bytes of one statement.
const MAX_SQL: usize = 1 << 20;
/// Rows that may be asked for.
const MAX_ROWS: u32 = 100_000;

/// A database that the operator configured.
pub struct DatabaseSettings {
    /// The variable that holds the URL.
    pub variable: String,
    /// The URL, where the variable is set. A secret.
    pub url: Option<String>,
    /// A file of certificate authorities in PEM form that are trusted instead of the machine's.
    pub ca_file: Option<PathBuf>,
    /// Connections at most.
    pub connections: usize,
}

impl std::fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseSettings").field("variable", &self.variable).finish_non_exhaustive()
    }
}

/// The databases of a host, by name. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Databases(Arc<BTreeMap<DatabaseName, Database>>);

/// One of them: where it is, and its connections, or why it has none.
struct Database {
    place: Option<DatabasePlace>,
    pool: Result<Pool, DatabaseFault>,
}

impl Databases {
    /// Reads every URL and file of certificates; none is dialled yet. What is wrong with one is told to whoever asks it.
    pub(crate) fn new(settings: BTreeMap<DatabaseName, DatabaseSettings>) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        let databases = settings.into_iter().map(|(name, settings)| (name, Database::new(settings, &lookups)));
        Self(Arc::new(databases.collect()))
    }

    /// What keeps a database from being asked, as far as can be told without dialling it.
    pub(crate) fn problem(&self, name: &DatabaseName) -> Option<DatabaseFailure> {
        let fault = match self.0.get(name) {
            None => DatabaseFault::NotListed,
            Some(database) => database.pool.as_ref().err()?.clone(),
        };
        Some(DatabaseFailure { database: name.to_string(), place: None, fault })
    }
}

impl Database {
    fn new(settings: DatabaseSettings, lookups: &Arc<Semaphore>) -> Self {
        let DatabaseSettings { variable, url, ca_file, connections } = settings;
        let unusable = |fault| Self { place: None, pool: Err(fault) };
        let Some(url) = url else { return unusable(DatabaseFault::UrlUnset { variable }) };
        let target = match Target::parse(&url) {
            Ok(target) => target,
            Err(problem) => return unusable(DatabaseFault::UrlInvalid { variable, problem }),
        };
        let roots = match ca_file.as_deref().map(roots).transpose() {
            Ok(roots) => roots,
            Err(problem) => return unusable(DatabaseFault::CaFile { problem }),
        };
        let place = DatabasePlace { host: target.server.host.clone(), port: target.server.port, variable };
        let dialer = Dialer::new(target, roots, Arc::clone(lookups));
        Self { place: Some(place), pool: Ok(Pool::new(dialer, connections)) }
    }
}

/// The certificate authorities in a file.
fn roots(file: &Path) -> Result<RootCertStore, &'static str> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|_| "cannot be read")?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|_| "is not in PEM form")?;
        roots.add(certificate).map_err(|_| "holds a certificate that cannot be used")?;
    }
    if roots.is_empty() { Err("holds no certificate") } else { Ok(roots) }
}

/// Puts the questions of one call and keeps the trace of them.
pub(crate) struct Questions {
    databases: Databases,
    grant: Arc<Grant>,
    deadline: std::time::Instant,
    trace: Trace,
}

impl Questions {
    /// For a call that may ask what `grant` allows and ends at `deadline`.
    pub(crate) fn new(databases: Databases, grant: Arc<Grant>, deadline: std::time::Instant) -> Self {
        Self { databases, grant, deadline, trace: Trace::default() }
    }

    /// The database of this name, if the call may ask it.
    fn permitted(&self, name: &str) -> Result<DatabaseName, Denial> {
        self.grant.may_query(name).cloned()
    }

    /// Bytes of rows that one answer may have: most of what the tool's own answer may have, which is these rows and what the
    /// tool puts around them.
    fn max_bytes(&self) -> u64 {
        self.grant.limits().result / 8 * 7
    }

    /// Takes what the call, which arrived then, did, for its receipt.
    pub(crate) fn take_trace(&self, arrival: std::time::Instant) -> Vec<Query> {
        self.trace.take(arrival.into())
    }

    /// Puts a question to a database that the call may ask. Dropping the future cancels the statement at the database. Runs
    /// on the tokio runtime that first polls it.
    async fn ask(&self, name: &DatabaseName, question: Question) -> Result<Answer, DatabaseFailure> {
        let (entry, before) = self.trace.begin(name.as_str());
        let database = self.databases.0.get(name);
        let answer = match database {
            None => Err(DatabaseFault::NotListed),
            Some(database) => self.ask_within_bounds(database, &question, before).await,
        };
        match answer {
            Ok(answer) => {
                entry.end(QueryEnd::Answered, answer.rows.len() as u64, answer.bytes);
                Ok(answer)
            }
            Err(fault) => {
                let place = database.and_then(|database| database.place.clone());
                let failure = DatabaseFailure { database: name.to_string(), place, fault };
                entry.end(QueryEnd::Failed(Box::new(failure.clone())), 0, 0);
                Err(failure)
            }
        }
    }

    async fn ask_within_bounds(
        &self,
        database: &Database,
        question: &Question,
        before: u64,
    ) -> Result<Answer, DatabaseFault> {
        let pool = database.pool.as_ref().map_err(Clone::clone)?;
        check(question, before).map_err(|reason| DatabaseFault::Invalid { reason })?;
        let began = Instant::now();
        let left = Instant::from_std(self.deadline).saturating_duration_since(began);
        // The database's own word on the time comes first, then the host's, and the plugin can still say so by its deadline.
        let margin = (left / 10).clamp(Duration::from_millis(20), Duration::from_millis(500));
        let until = began + left.saturating_sub(margin);
        timeout_at(until + margin / 2, question.put(pool, until)).await.unwrap_or_else(|_| {
            let after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Err(DatabaseFault::Unreachable(Unreachable::Timeout { stage: Stage::Answer, after_ms }))
        })
    }
}

/// Whether a question is within what one call may ask.
fn check(question: &Question, before: u64) -> Result<(), String> {
    if before >= MAX_QUESTIONS {
        return Err(format!("the call has put {MAX_QUESTIONS} questions, as many as it may"));
    }
    if question.sql.len() > MAX_SQL {
        return Err(format!("the statement has {} bytes; at most {MAX_SQL} are sent", question.sql.len()));
    }
    if question.sql.contains('\0') {
        return Err("the statement holds a NUL character".to_owned());
    }
    if !(1..=MAX_ROWS).contains(&question.max_rows) {
        return Err(format!("`max-rows` is {}; expected 1 to {MAX_ROWS}", question.max_rows));
    }
    Ok(())
}
