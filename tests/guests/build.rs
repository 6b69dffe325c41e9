//! Builds the guests and writes the constants that name them.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use toolcell_toolchain::{Artifact, GuestBuild, Targets, Toolchain};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let root = here.ancestors().nth(2).ok_or("this crate is in tests/guests")?;
    // target/PROFILE/build/PACKAGE/out: a folder beside those of the profiles, so that all of them share it.
    let target = out_dir.ancestors().nth(4).ok_or("OUT_DIR has four folders above it")?.join("guests");

    #[expect(clippy::print_stderr, reason = "cargo shows it when the build fails")]
    let toolchain = Toolchain::locate(root, &mut |step| eprintln!("{step}"))?;
    let build = |folder: &Path, targets: Targets| {
        let manifest_path = folder.join("Cargo.toml");
        // The programs show what line tables are good for; the plugins are as `toolcell build` makes them.
        let line_tables = targets == Targets::Examples;
        toolchain.build(&GuestBuild { manifest_path, target_dir: Some(target.clone()), targets, line_tables })
    };
    let programs = build(&here.join("programs"), Targets::Examples)?;
    let mut plugins = Vec::new();
    for plugin in plugin_folders(&root.join("plugins"))? {
        plugins.extend(build(&plugin, Targets::Library)?);
        rerun_if_changed(&plugin.join("Cargo.toml"));
        rerun_if_changed(&plugin.join("src"));
    }
    plugins.sort_by(|a, b| a.name.cmp(&b.name));

    let inside = constants(&plugins, |_| Ok("A plugin that ships.".to_owned()))?;
    let outside = constants(&programs, |name| first_line(&here.join("programs/examples").join(name)))?;
    let module = format!("/// The plugins that ship.\npub mod plugins {{\n{inside}}}\n");
    fs::write(out_dir.join("guests.rs"), outside + &module)?;

    // The members of the workspace are in its Cargo.toml, a new plugin included.
    for source in ["Cargo.toml", "Cargo.lock", "wit", "guest-sdk/Cargo.toml", "guest-sdk/src", "guest-sdk/wit"] {
        rerun_if_changed(&root.join(source));
    }
    for source in ["build.rs", "programs/Cargo.toml", "programs/examples", "programs/src", "wit"] {
        rerun_if_changed(&here.join(source));
    }
    // Somebody may have removed the results.
    for artifact in programs.iter().chain(&plugins) {
        rerun_if_changed(&artifact.component);
    }
    Ok(())
}

/// The folders in `plugins` that hold a Rust crate.
fn plugin_folders(plugins: &Path) -> io::Result<Vec<PathBuf>> {
    let folders = fs::read_dir(plugins)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(folders.into_iter().filter(|folder| folder.join("Cargo.toml").is_file()).collect())
}

/// One constant for each guest, and `ALL`.
fn constants(
    guests: &[Artifact],
    document: impl Fn(&str) -> Result<String, Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    for Artifact { name, component } in guests {
        let (constant, document) = (name.to_uppercase(), document(name)?);
        let file = component.to_str().ok_or("the name of the target folder is not UTF-8")?;
        writeln!(code, "/// {document}\npub const {constant}: &str = {file:?};")?;
    }
    writeln!(code, "/// Name and file of each, by name.\npub const ALL: &[(&str, &str)] = &[")?;
    for Artifact { name, .. } in guests {
        writeln!(code, "    ({name:?}, {}),", name.to_uppercase())?;
    }
    writeln!(code, "];")?;
    Ok(code)
}

/// The first line of a program's documentation: what it does.
fn first_line(program: &Path) -> Result<String, Box<dyn Error>> {
    let source = fs::read_to_string(program.with_extension("rs"))?;
    Ok(source.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or("A program.").to_owned())
}

fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
