//! A component that is ready to be instantiated: compiled, linked and type-checked once, when its plugin is loaded.

use std::sync::Arc;

use wasmparser::{Parser, Payload};
use wasmtime::component::Component;

use super::{
    Sandbox,
    bindings::PluginPre,
    engine::{MAX_MEMORIES, MAX_TABLES, TABLES_PER_SLOT},
    lines::UnreadLines,
    plain::{self, Functions, Unfit},
    state::CallState,
};
use crate::{failure::Failure, policy::Digest, receipt::Receipt};

/// Bytes of code above which compiling can take many seconds without the component's being hostile.
const LARGE: usize = 2 << 20;

/// A component of a plugin, ready to run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Program {
    pub(super) form: Form,
    /// Slots of the pool that one instance takes.
    pub(super) slots: u32,
    /// For what is said of a trap.
    pub(super) lines: Arc<UnreadLines>,
}

/// What a component exports.
#[derive(Clone)]
pub(super) enum Form {
    /// The contract.
    Contract(Arc<PluginPre<CallState>>),
    /// Functions of its own.
    Plain(Arc<Functions>),
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// It is not a component, or does not compile.
    #[error("{0}")]
    Compile(String),
    /// Compiling it took more than it may.
    #[error("compiling it took more than {0}")]
    CompileLimit(String),
    /// It imports something that the host does not have, or with another type.
    #[error("an import does not fit: {0}")]
    Import(String),
    /// It exports the contract, but another version or with other types.
    #[error("it does not export toolcell:plugin/tools@0.1.0: {0}")]
    Export(String),
    /// It exports no contract, and not what can be used without.
    #[error(transparent)]
    Plain(#[from] Unfit),
    /// It wants more memories or tables than an instance may have.
    #[error("it has {has} {what}, and a component may have {may}")]
    TooLarge {
        /// Memories or tables.
        what: &'static str,
        /// How many it has.
        has: u32,
        /// How many it may have.
        may: u32,
    },
    /// Listing its tools failed.
    #[error("listing its tools failed: {}", .0.report("list-tools", .1).message)]
    ListTools(Failure, Box<Receipt>),
}

impl Sandbox {
    /// Compiles a component, or takes its code from the cache, and resolves and type-checks every import.
    ///
    /// # Errors
    ///
    /// [`LoadError`], naming what does not fit.
    pub(crate) async fn load(&self, wasm: &[u8], digest: &Digest) -> Result<Program, LoadError> {
        let component = self.component(wasm, digest).await?;
        let required = component.resources_required();
        let (memories, tables) =
            required.map_or((MAX_MEMORIES, MAX_TABLES), |needs| (needs.num_memories, needs.num_tables));
        for (what, has, may) in [("memories", memories, MAX_MEMORIES), ("tables", tables, MAX_TABLES)] {
            if has > may {
                return Err(LoadError::TooLarge { what, has, may });
            }
        }
        let pre = self.linker.instantiate_pre(&component).map_err(|error| LoadError::Import(format!("{error:#}")))?;
        let form = if plain::has_contract(&component, &self.engine) {
            let pre = PluginPre::new(pre).map_err(|error| LoadError::Export(format!("{error:#}")))?;
            Form::Contract(Arc::new(pre))
        } else {
            Form::Plain(Arc::new(Functions::of(self, pre, wasm).await?))
        };
        Ok(Program {
            form,
            slots: memories.max(tables.div_ceil(TABLES_PER_SLOT)).max(1),
            lines: Arc::new(UnreadLines::of(wasm)),
        })
    }

    /// Whether the component's code is in the cache, so that loading it takes milliseconds.
    pub(crate) fn is_compiled(&self, digest: &Digest) -> bool {
        self.code_cache.as_ref().is_some_and(|cache| cache.has(&self.engine, digest))
    }

    async fn component(&self, wasm: &[u8], digest: &Digest) -> Result<Component, LoadError> {
        let kept = || self.code_cache.as_ref()?.load(&self.engine, digest);
        if let Some(component) = kept() {
            return Ok(component);
        }
        let is_large = code_size(wasm) > LARGE;
        let _one_at_a_time = self.compiling[usize::from(is_large)].acquire().await;
        let code = self.compiler.compile(&self.engine, wasm).await?;
        if let Some(cache) = &self.code_cache {
            cache.store(&self.engine, digest, &code);
        }
        super::code_cache::deserialize(&self.engine, &code).map_err(|error| LoadError::Compile(format!("{error:#}")))
    }
}

/// Bytes of code in all modules of a component: debug information takes no time to compile.
fn code_size(wasm: &[u8]) -> usize {
    let code = |payload| if let Payload::CodeSectionStart { range, .. } = payload { range.len() } else { 0 };
    Parser::new(0).parse_all(wasm).map_while(Result::ok).map(code).sum()
}
