//! Gives the component a larger stack: markdown is made by recursion over the tree of a page.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // 256 levels, the most that `markdown` takes, need about 150 KiB.
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
    }
}
