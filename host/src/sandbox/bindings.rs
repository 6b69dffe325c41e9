//! The contract in Rust, made from wit/ when this crate is compiled.
#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: {
        "toolcell:plugin/cache": async,
        "toolcell:plugin/http.send": async,
        "toolcell:plugin/postgres.run": async,
    },
    exports: { default: async },
});
