//! The program and the plugins, built from this checkout.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::screen;

/// The checkout that this demo was built from.
pub(crate) fn repository() -> &'static Path {
    // This package is in host/examples/demo.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("a package three folders deep has that many above")
}

/// The `toolcell` program.
pub(crate) struct Program(PathBuf);

impl Program {
    /// Builds it with the profile and into the target folder of this demo.
    pub(crate) fn build() -> Result<Self> {
        screen::step("toolcell, which takes some minutes the first time");
        let demo = env::current_exe()?;
        // target/PROFILE/examples/demo
        let [_, profile, target] = [1, 2, 3].map(|level| demo.ancestors().nth(level));
        let (profile, target) = profile.zip(target).context("this demo is run by cargo, out of its target folder")?;
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(repository()).args(["build", "--package", "toolcell", "--bin", "toolcell", "--target-dir"]);
        cargo.arg(target);
        if profile.file_name() == Some(OsStr::new("release")) {
            cargo.arg("--release");
        }
        run(&mut cargo)?;
        Ok(Self(profile.join("toolcell")))
    }

    /// Builds the plugins in a folder from source; sets up the compiler's target for them where it is missing.
    pub(crate) fn build_plugins(&self, folder: &Path) -> Result<()> {
        screen::step(&format!("plugins in {}", shown(folder)));
        run(Command::new(&self.0).arg("-C").arg(folder).arg("build"))
    }

    /// Serves a folder as its lock file, reviewed and committed, allows.
    pub(crate) fn serve(&self, folder: &Path, substitutes: &[String]) -> Command {
        let mut serve = Command::new(&self.0);
        serve.args(["serve", "--locked"]).arg(folder);
        for substitute in substitutes {
            serve.args(["--upstream", substitute]);
        }
        screen::heading(&format!("toolcell serve --locked {}", shown(folder)));
        for substitute in substitutes {
            screen::note(&format!("--upstream {substitute}"));
        }
        // What it logs at `info` a demo need not show.
        serve.env("TOOLCELL_LOG", "warn");
        serve
    }

    /// Prints the configuration that adds the server to a client.
    pub(crate) fn connect(&self, client: &str, folder: &Path) -> Result<()> {
        run(Command::new(&self.0).arg("-C").arg(folder).args(["connect", client]))
    }
}

fn shown(folder: &Path) -> String {
    folder.strip_prefix(repository()).unwrap_or(folder).display().to_string()
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("{program} cannot be started"))?;
    if !status.success() {
        bail!("{program} failed: {status}");
    }
    Ok(())
}
