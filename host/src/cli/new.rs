mod templates;

use std::{
    env, fs,
    io::{self, Write},
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, ValueHint};

use super::{Open, terminal};
use crate::{plugin::Language, policy::PluginName, text::shell_word};

#[derive(Debug, Args)]
pub(super) struct New {
    /// Its name, which is also that of its first tool: a-z, 0-9 and `-`
    name: PluginName,
    /// The language to write it in
    #[arg(long, value_name = "LANGUAGE", default_value_t = Language::Rust, value_enum)]
    lang: Language,
    /// The folder guest-sdk of a Toolcell checkout [default: that of the checkout around the folder of plugins]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    sdk: Option<PathBuf>,
}

impl New {
    pub(super) fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let name = self.name.as_str();
        if self.lang == Language::Rust && name.starts_with(|first: char| first.is_ascii_digit()) {
            bail!("{name:?} cannot name a Rust plugin: a cargo package starts with a letter");
        }
        let plugins = open.folder();
        let sdk = if has_sdk(self.lang) { Some(self.sdk(&plugins)?) } else { None };
        let component = plugins.join(format!("{name}.wasm"));
        if component.exists() {
            bail!("{} exists, and is a plugin of that name; choose another name", component.display());
        }
        let folder = create(&plugins, name)?;
        let sdk = match sdk {
            Some(sdk) if self.sdk.is_some_and(|named| named.is_absolute()) => sdk,
            Some(sdk) => relative(&folder, &sdk),
            None => PathBuf::new(),
        };
        let sdk = sdk.to_str().with_context(|| format!("{} is not UTF-8", sdk.display()))?;
        // It stands between double quotes, in TOML and in JSON.
        let sdk = serde_json::Value::from(sdk).to_string();
        let sdk = sdk.trim_matches('"');
        for (file, text) in templates::of(self.lang) {
            let path = folder.join(file);
            let text = text.replace("{{name}}", name).replace("{{sdk}}", sdk);
            let written =
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text.as_bytes()));
            written.with_context(|| format!("{} cannot be written", path.display()))?;
        }
        let mut out = terminal::stdout();
        writeln!(
            out,
            "{} {}, a plugin in {} with one tool",
            terminal::green("created"),
            plugins.join(name).display(),
            self.lang
        )?;
        writeln!(out, "Next:")?;
        for command in
            [format!("build {name}"), format!("allow {name}"), format!("call {name} '{{\"name\": \"Ada\"}}'")]
        {
            writeln!(out, "  {}", open.command(&command))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The SDK's folder, without links.
    fn sdk(&self, plugins: &Path) -> anyhow::Result<PathBuf> {
        let found = match &self.sdk {
            Some(named) => [named.clone(), named.join(SDK)].into_iter().find(|folder| is_sdk(folder)).with_context(
                || format!("{} is not the folder {SDK} of a Toolcell checkout", named.display()),
            )?,
            None => sdk_around(&std::path::absolute(plugins)?).with_context(|| {
                // Cargo leaves the program in the checkout that it was built from.
                let own = env::current_exe().ok().and_then(|program| sdk_around(&program));
                let example = own.unwrap_or_else(|| Path::new("PATH-TO").join(SDK));
                format!(
                    "{} is in no Toolcell checkout, and the SDK is not published yet; say where it is, such as --sdk {}",
                    plugins.display(),
                    shell_word(&example.display().to_string())
                )
            })?,
        };
        found.canonicalize().with_context(|| format!("{} cannot be read", found.display()))
    }
}

/// Whether plugins in it depend on the SDK; the others are written against their WIT alone.
fn has_sdk(language: Language) -> bool {
    !matches!(language, Language::Go | Language::C)
}

/// The name of the SDK's folder in a checkout.
const SDK: &str = "guest-sdk";

/// Makes the plugin's folder, and returns it without links.
fn create(plugins: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let shown = plugins.join(name);
    fs::create_dir_all(plugins).with_context(|| format!("{} cannot be made", plugins.display()))?;
    let folder = plugins.canonicalize()?.join(name);
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} exists; choose another name, or remove it first", shown.display())
        }
        _ => anyhow::anyhow!("{} cannot be made: {error}", shown.display()),
    })?;
    Ok(folder)
}

/// The SDK of the checkout that this path is in.
fn sdk_around(path: &Path) -> Option<PathBuf> {
    path.ancestors().map(|ancestor| ancestor.join(SDK)).find(|folder| is_sdk(folder))
}

fn is_sdk(folder: &Path) -> bool {
    let name = || -> Option<toml::Value> {
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()?;
        manifest.get("package")?.get("name").cloned()
    };
    name().is_some_and(|name| name.as_str() == Some("toolcell-sdk"))
}

/// The way from one folder to the other. Both are absolute and without links.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_sdk_leads_up_and_down() {
        for (from, to, way) in [
            ("/a/plugins/x", "/a/guest-sdk", "../../guest-sdk"),
            ("/home/me/plugins/x", "/src/guest-sdk", "../../../../src/guest-sdk"),
            ("/a/x", "/a/x/guest-sdk", "guest-sdk"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way));
        }
    }
}
