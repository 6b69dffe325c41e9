//! The plugin that the benchmarks call, built from this folder.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::{Map, Value, json};
use toolcell_toolchain::{GuestBuild, Targets, Toolchain};

/// The component of `benches/echo`, built when it is first asked for.
pub(crate) fn echo() -> &'static Path {
    static COMPONENT: LazyLock<PathBuf> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host is a folder of the workspace");
        let toolchain =
            Toolchain::locate(root, &mut |step| eprintln!("{step}")).expect("the wasm target can be set up");
        let build = GuestBuild {
            manifest_path: root.join("benches/echo/Cargo.toml"),
            // Beside target/tmp: where the guests of the tests are built, too.
            target_dir: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests")),
            targets: Targets::Library,
            line_tables: false,
        };
        let artifacts = toolchain.build(&build).expect("the plugin compiles");
        artifacts.into_iter().next().expect("a library is one component").component
    });
    &COMPONENT
}

/// Arguments for `echo` and `echo_text` with a message of so many bytes.
pub(crate) fn arguments(bytes: usize) -> Map<String, Value> {
    Map::from_iter([("message".to_owned(), json!("x".repeat(bytes))), ("count".to_owned(), json!(1))])
}

/// Bytes of the message in calls that do not measure sizes.
pub(crate) const SMALL: usize = 40;
