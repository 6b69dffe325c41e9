//! The same component in wasmtime as it is, for comparison: without Toolcell's limits, checks and receipts.

use std::path::Path;

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

#[path = "../../host/src/sandbox/bindings.rs"]
mod bindings;
#[path = "../../host/src/sandbox/engine.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "only the settings are of interest here")]
mod engine;

use bindings::{Plugin, PluginPre};

/// A component, ready to be instantiated.
pub(crate) struct Plain {
    engine: Engine,
    pre: PluginPre<State>,
}

/// An instance and its store.
pub(crate) struct Instance {
    store: Store<State>,
    plugin: Plugin,
}

/// What a store holds.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Plain {
    /// With Toolcell's engine settings, from the same source.
    pub(crate) fn with_toolcells_engine(component: &Path) -> Self {
        let (engine, allocation) = engine::engine(100).expect("an engine can be made");
        assert_eq!(allocation, engine::Allocation::Pooled, "the address space holds the pool");
        Self::new(engine, component)
    }

    /// With wasmtime's default settings and its default pool.
    pub(crate) fn with_default_pool(component: &Path) -> Self {
        let mut config = Config::new();
        // Off where no collector was compiled in, which is the case here.
        config.allocation_strategy(InstanceAllocationStrategy::pooling()).gc_support(false);
        Self::new(Engine::new(&config).expect("an engine can be made"), component)
    }

    fn new(engine: Engine, component: &Path) -> Self {
        let component = Component::from_file(&engine, component).expect("the component compiles");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("the linker is empty");
        linker.define_unknown_imports_as_traps(&component).expect("the imports are functions");
        let pre = linker.instantiate_pre(&component).and_then(PluginPre::new).expect("the component is a plugin");
        Self { engine, pre }
    }

    /// A fresh store and instance.
    pub(crate) async fn instance(&self) -> Instance {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        // Without a ticker nothing comes of it, but code that asks for it traps at a deadline of zero.
        store.set_epoch_deadline(1);
        let plugin = self.pre.instantiate_async(&mut store).await.expect("there is room in the pool");
        Instance { store, plugin }
    }
}

impl Instance {
    /// Calls a tool that succeeds.
    pub(crate) async fn call(&mut self, tool: &str, arguments: &String) {
        let tools = self.plugin.toolcell_plugin_tools();
        let answer = tools.call_call_tool(&mut self.store, tool, arguments).await.expect("the guest does not trap");
        std::hint::black_box(answer.expect("the tool succeeds"));
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
