//! What a store holds: everything that one call's imports may see, and what they saw.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use super::{cache::UserCache, files::Files, http::Egress, limits::Limiter, postgres::Questions, streams::Captured};
use crate::{
    call::{CallId, ProgressSender},
    receipt::{CacheUse, Denial},
    replay::Replay,
    user::User,
};

/// Bytes of log lines that a call may write.
pub(super) const LOG_LIMIT: usize = 64 << 10;
/// Handles and entries of the resource table that a call may hold.
pub(super) const MAX_HANDLES: usize = 1_024;
/// Bytes of one WASI request for random numbers; more would hold a worker for longer than a tick.
const MAX_RANDOM: u64 = 64 << 10;
/// Bytes of the header fields of one wasi:http message.
const MAX_FIELDS: usize = 64 << 10;

/// The state of one call's store.
pub(super) struct CallState {
    pub(super) id: CallId,
    pub(super) user: Arc<User>,
    pub(super) plugin: Arc<str>,
    pub(super) tool: Arc<str>,
    /// The granted variables that are set, with their values.
    pub(super) env: Arc<[(String, String)]>,
    pub(super) egress: Egress,
    pub(super) cache: Result<UserCache, Arc<Denial>>,
    pub(super) cache_use: CacheUse,
    pub(super) questions: Questions,
    pub(super) files: Files,
    pub(super) limiter: Limiter,
    pub(super) output: Captured,
    pub(super) progress: Option<ProgressSender>,
    pub(super) log_left: usize,
    pub(super) deadline: Instant,
    /// When its instance was there.
    pub(super) instantiated: Option<Instant>,
    pub(super) cancel: CancellationToken,
    /// What answers in place of databases.
    pub(super) replay: Option<Arc<Replay>>,
    pub(super) table: ResourceTable,
    pub(super) http: WasiHttpCtx,
    wasi: Option<WasiCtx>,
}

/// The parts that a [`CallState`] is made of.
pub(super) struct Parts {
    pub(super) id: CallId,
    pub(super) user: Arc<User>,
    pub(super) plugin: Arc<str>,
    pub(super) tool: Arc<str>,
    pub(super) env: Arc<[(String, String)]>,
    pub(super) egress: Egress,
    pub(super) cache: Result<UserCache, Arc<Denial>>,
    pub(super) questions: Questions,
    pub(super) files: Files,
    pub(super) limiter: Limiter,
    pub(super) progress: Option<ProgressSender>,
    pub(super) deadline: Instant,
    pub(super) cancel: CancellationToken,
    pub(super) replay: Option<Arc<Replay>>,
}

impl CallState {
    pub(super) fn new(parts: Parts) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELDS);
        let output = Captured::new(parts.egress.redactor().cloned());
        Self {
            id: parts.id,
            user: parts.user,
            plugin: parts.plugin,
            tool: parts.tool,
            env: parts.env,
            egress: parts.egress,
            cache: parts.cache,
            cache_use: CacheUse::default(),
            questions: parts.questions,
            files: parts.files,
            limiter: parts.limiter,
            output,
            progress: parts.progress,
            log_left: LOG_LIMIT,
            deadline: parts.deadline,
            instantiated: None,
            cancel: parts.cancel,
            replay: parts.replay,
            table,
            http,
            wasi: None,
        }
    }

    /// A text of the guest's without the secrets of the call; whole, before it is cut or escaped.
    pub(super) fn redacted(&self, mut text: String) -> String {
        if let Some(redactor) = self.egress.redactor() {
            redactor.text(&mut text);
        }
        text
    }

    /// What the guest printed so far.
    pub(super) fn printed(&self) -> String {
        // A guest that never called WASI printed nothing.
        if self.wasi.is_some() { self.output.text() } else { String::new() }
    }
}

impl WasiView for CallState {
    /// Makes the context when the guest first calls WASI: most calls of small tools never do.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| {
            let mut builder = WasiCtx::builder();
            builder
                .stdout(self.output.clone())
                .stderr(self.output.clone())
                .max_random_size(MAX_RANDOM)
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .envs(&self.env);
            builder.build()
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}
