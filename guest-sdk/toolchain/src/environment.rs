use std::{env, process::Command};

/// Takes from `command`, a cargo, what another cargo or the user meant for other builds.
///
/// A build script runs in the environment of the build around it, which would otherwise give the guest the host's
/// flags, clippy in place of the compiler, or another target.
pub(crate) fn scrub(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            command.env_remove(name);
        }
    }
}

/// Whether a variable is about another build. What says how to reach registries, where cargo keeps its things and how
/// many jobs may run stays, and so does what is meant for a target by name: the linker of build scripts, or flags for
/// guests.
fn is_foreign(name: &str) -> bool {
    const CARGO_KEEPS: [&str; 11] = [
        "CARGO_BUILD_JOBS",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_INCREMENTAL",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CARGO_TARGET_",
        "CARGO_TERM_",
    ];
    const OTHERS: [&str; 15] = [
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "TARGET",
    ];
    if name.starts_with("CARGO") {
        name == "CARGO" || name.starts_with("CARGO_") && !CARGO_KEEPS.iter().any(|kept| name.starts_with(kept))
    } else {
        OTHERS.contains(&name) || name.starts_with("DEP_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_script_or_clippy_inherits_is_foreign() {
        for name in [
            "CARGO",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_CFG_TARGET_OS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_FEATURE_DEFAULT",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "DEP_Z_INCLUDE",
            "OUT_DIR",
            "RUSTC",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "TARGET",
        ] {
            assert!(is_foreign(name), "{name} would leak into the build of a guest");
        }
    }

    #[test]
    fn what_says_where_and_how_to_get_crates_stays() {
        for name in [
            "CARGO_BUILD_JOBS",
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_MAKEFLAGS",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_PRIVATE_INDEX",
            "CARGO_REGISTRY_DEFAULT",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "HOME",
            "LD_LIBRARY_PATH",
            "PATH",
            "RUSTUP_HOME",
        ] {
            assert!(!is_foreign(name), "{name} is needed to build a guest");
        }
    }

    #[test]
    fn scrub_removes_them_from_the_command() {
        // Cargo sets CARGO_PKG_NAME for tests; what runs tests without cargo may not.
        let mut command = Command::new("cargo");
        scrub(&mut command);
        let removed = command.get_envs().any(|(name, value)| name == "CARGO_PKG_NAME" && value.is_none());
        assert_eq!(removed, env::var_os("CARGO_PKG_NAME").is_some());
    }
}
