//! One plugin from its files to tools: manifest, review, component, tools, grant, in this order; whatever is missing,
//! changed or broken on the way says why the plugin is not served.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use wasmparser::Parser;

use super::{
    acceptance::State,
    files::{Found, PluginFolder},
    loads::Loads,
    lock::{LockFile, tools_digest},
    manifest::{Manifest, ToolNames, is_tool_name},
    tool::{Description, Tool},
};
use crate::{
    env_file::EnvFile,
    nearest::did_you_mean,
    policy::{Digest, EnvName, Evidence, Grant, Limits, NotServed, PluginName, Policy, review, units::bytes_text},
    sandbox::{Folder, Pace, PluginConnections, Program, Sandbox, ToolSpec, Turns, Work},
};

/// How long a plugin may take to list its tools: those behind it are not served before.
const LISTING: Duration = Duration::from_secs(10);
/// Tools of one plugin. Each has schemas that are kept, and models choose badly among far fewer.
const MAX_TOOLS: usize = 128;
/// Bytes of all schemas of a plugin's tools. Compiled, they take some hundred times that.
const MAX_SCHEMAS: usize = 1 << 20;
/// Patterns in all schemas of a plugin's tools. Compiled, each takes up to half a MiB.
const MAX_PATTERNS: usize = 400;

/// Where the values of granted variables come from.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `--env-file`, which comes first.
    pub file: EnvFile,
}

impl Environment {
    /// The value of a variable, from the file or the host's own environment.
    pub(crate) fn value(&self, name: &EnvName) -> Option<String> {
        self.file.get(name).map(ToOwned::to_owned).or_else(|| std::env::var(name.as_str()).ok())
    }
}

/// A component that was loaded, and what its tools look like, before anybody decided what it may do.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Digest of the component.
    pub component: Digest,
    /// Digest of what a person reviews of its tools.
    pub tools: Digest,
    program: Program,
    /// As the plugin lists them.
    listed: Arc<[Arc<Description>]>,
    /// As clients see them.
    descriptions: Arc<[Arc<Description>]>,
}

impl Loaded {
    fn new(component: Digest, program: Program, listed: Vec<Arc<Description>>) -> Self {
        let listed: Arc<[_]> = listed.into();
        Self { component, tools: digest(&listed), program, descriptions: Arc::clone(&listed), listed }
    }

    /// With the descriptions that a manifest has in place of the plugin's own. What a person reviews are these.
    pub(super) fn described(mut self, names: &ToolNames) -> Result<Self, NotServed> {
        let describe = |listed: &Arc<Description>| match names.describe.get(&listed.own_name) {
            Some(text) => {
                Description::check(ToolSpec { description: text.clone(), ..listed.spec.clone() }).map(Arc::new)
            }
            None => Ok(Arc::clone(listed)),
        };
        let described = self.listed.iter().map(describe).collect::<Result<Vec<_>, _>>();
        self.descriptions = described.map_err(NotServed::InvalidManifest)?.into();
        self.tools = digest(&self.descriptions);
        Ok(self)
    }

    /// The tools' own names, with their descriptions.
    pub fn tools(&self) -> impl Iterator<Item = (&str, &str)> {
        self.descriptions.iter().map(|tool| (tool.own_name.as_str(), tool.text.as_str()))
    }
}

/// The plugin's files, and what the lock file and this user's records say of them.
pub(super) struct Candidate<'a> {
    pub(super) found: &'a Found,
    pub(super) manifest: Manifest,
    pub(super) wasm: Bytes,
    pub(super) component: Digest,
    pub(super) built_here: bool,
    /// The plugin's own folder, if it is known.
    pub(super) home: Option<PathBuf>,
}

impl<'a> Candidate<'a> {
    pub(super) fn read(folder: &PluginFolder, found: &'a Found, state: &State) -> Result<Self, NotServed> {
        let candidate = Self::files(folder, found)?;
        // A record in doubt counts for nothing.
        let path = folder.component_path(found, &candidate.manifest);
        let built_here = state.is_built(&path, &candidate.component).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            false
        });
        Ok(Self { built_here, ..candidate })
    }

    /// What the files say alone.
    pub(super) fn files(folder: &PluginFolder, found: &'a Found) -> Result<Self, NotServed> {
        let manifest = folder.manifest(found).map_err(|error| NotServed::InvalidManifest(error.to_string()))?;
        if folder.language(found).is_some() && !folder.has_component(found, &manifest) {
            return Err(NotServed::NotBuilt);
        }
        let wasm =
            folder.component(found, &manifest).map_err(|error| NotServed::InvalidComponent(error.to_string()))?;
        let component = Digest::of(&wasm);
        Ok(Self { found, manifest, wasm: wasm.into(), component, built_here: false, home: folder.home(found) })
    }

    fn name(&self) -> &PluginName {
        &self.found.name
    }
}

/// Loads a component and lists its tools, with nothing granted.
pub(super) async fn load(
    sandbox: &Arc<Sandbox>,
    name: &PluginName,
    wasm: &[u8],
    component: Digest,
) -> Result<Loaded, NotServed> {
    let invalid = |error: String| NotServed::InvalidComponent(error);
    check_form(wasm).map_err(|problem| invalid(problem.to_owned()))?;
    let program = sandbox.load(wasm, &component).await.map_err(|error| invalid(error.to_string()))?;
    let limits = Limits { deadline: LISTING, ..Limits::default() };
    let nothing = Work::with_nothing(name.as_str(), "list-tools", limits);
    let specs = sandbox.list_tools(&program, &nothing).await.map_err(|error| invalid(error.to_string()))?;
    let descriptions = check_tools(specs).map_err(invalid)?;
    Ok(Loaded::new(component, program, descriptions))
}

fn digest(descriptions: &[Arc<Description>]) -> Digest {
    tools_digest(descriptions.iter().map(|description| description.reviewed()))
}

/// Checks what a plugin says of its tools.
fn check_tools(specs: Vec<ToolSpec>) -> Result<Vec<Arc<Description>>, String> {
    match specs.len() {
        0 => return Err("it lists no tools".to_owned()),
        many if many > MAX_TOOLS => return Err(format!("it lists {many} tools; a plugin may have {MAX_TOOLS}")),
        _ => {}
    }
    let (mut names, mut descriptions) = (BTreeSet::new(), Vec::new());
    let (mut bytes, mut patterns) = (0, 0);
    for spec in specs {
        bytes += spec.input_schema.len() + spec.output_schema.as_ref().map_or(0, String::len);
        if bytes > MAX_SCHEMAS {
            return Err(format!("the schemas of its tools take more than {}", bytes_text(MAX_SCHEMAS as u64)));
        }
        let description = Description::check(spec)?;
        patterns += description.patterns();
        if patterns > MAX_PATTERNS {
            return Err(format!("the schemas of its tools have more than {MAX_PATTERNS} patterns"));
        }
        if !names.insert(description.own_name.clone()) {
            return Err(format!("it lists two tools named {:?}", description.own_name));
        }
        descriptions.push(Arc::new(description));
    }
    Ok(descriptions)
}

/// Tells what is not a component at all in plainer words than the compiler does.
fn check_form(wasm: &[u8]) -> Result<(), &'static str> {
    if Parser::is_component(wasm) {
        Ok(())
    } else if Parser::is_core_wasm(wasm) {
        Err(
            "it is a core WebAssembly module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools \
             component new`",
        )
    } else {
        Err("it is not WebAssembly")
    }
}

/// Whether the lock file counts, and what it says.
pub(super) struct Lock {
    pub(super) file: Option<LockFile>,
    pub(super) counts: bool,
}

/// A plugin that may be served.
pub(super) struct Admitted {
    pub(super) loaded: Loaded,
    pub(super) tools: Vec<Tool>,
    /// What is odd about it and keeps nothing from being served, for the operator.
    pub(super) warnings: Vec<String>,
}

/// Decides what a plugin may do, loading it once a person's review allows that. `kept` is what was loaded from the same
/// bytes before, `loads` where it is begun otherwise.
pub(super) async fn admit(
    sandbox: &Arc<Sandbox>,
    candidate: &Candidate<'_>,
    lock: &Lock,
    policy: &Policy,
    environment: &Environment,
    kept: Option<Loaded>,
    loads: &Loads,
) -> Result<Admitted, NotServed> {
    let reviewed = review(&Evidence {
        asked: &candidate.manifest.asked,
        entry: lock.file.as_ref().and_then(|lock| lock.entries.get(candidate.name())),
        lock_counts: lock.counts,
        component: candidate.component,
        built_here: candidate.built_here,
    })?;
    let loaded = match kept {
        Some(loaded) => loaded,
        None => loads.loaded(sandbox, candidate).await?,
    };
    let loaded = loaded.described(&candidate.manifest.tools)?;
    let grant = reviewed.grant(candidate.name(), loaded.tools, policy)?;
    let mut warnings = unknown_tools(candidate, &loaded, policy);
    warnings.extend(grant.postgres().iter().filter_map(|database| sandbox.database_problem(database)));
    let tools = tools(sandbox, candidate, &loaded, grant, policy, environment, &mut warnings)?;
    Ok(Admitted { loaded, tools, warnings })
}

/// Names of tools that the manifest and toolcell.toml write and no tool has: probably typing errors.
fn unknown_tools(candidate: &Candidate<'_>, loaded: &Loaded, policy: &Policy) -> Vec<String> {
    let own: BTreeSet<_> = loaded.tools().map(|(name, _)| name).collect();
    let disabled = policy.plugins.get(candidate.name()).map(|plugin| &plugin.disable);
    let disabled = disabled.into_iter().flatten().map(String::as_str).filter(|name| !own.contains(name));
    let in_manifest = candidate.manifest.tools.unknown(&own).into_iter().map(|name| ("[tools] in plugin.toml", name));
    let warning = |(place, name): (_, &str)| {
        format!("{place} names {name:?}, which is none of its tools{}", did_you_mean(name, own.iter().copied()))
    };
    in_manifest.chain(disabled.map(|name| ("`disable` in toolcell.toml", name))).map(warning).collect()
}

/// The tools that calls can be made of.
pub(super) fn tools(
    sandbox: &Sandbox,
    candidate: &Candidate<'_>,
    loaded: &Loaded,
    grant: Grant,
    policy: &Policy,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<Vec<Tool>, NotServed> {
    let name = candidate.name();
    let names = &candidate.manifest.tools;
    let (mut env, mut unset) = (Vec::new(), Vec::new());
    for variable in grant.env() {
        let name = variable.as_str().to_owned();
        if let Some(value) = environment.value(variable) {
            env.push((name, value));
        } else {
            warnings.push(format!("{name} is granted and not set on the host; export it, or set it in --env-file"));
            unset.push(name);
        }
    }
    let (env, unset): (Arc<[_]>, Arc<[_]>) = (env.into(), unset.into());
    let turns = Arc::new(Turns::new(grant.limits().concurrency));
    let connections = PluginConnections::default();
    let cache = sandbox.cache(name.as_str(), &grant);
    let folders = Folder::granted(&grant, candidate.home.as_deref());
    warnings.extend(folders.iter().filter_map(|folder| folder.problem()));
    let (grant, plugin): (_, Arc<str>) = (Arc::new(grant), name.as_str().into());
    let mut tools = Vec::new();
    for description in loaded.descriptions.iter() {
        let own_name = &description.own_name;
        let Some(shown) = names.shown(own_name).filter(|_| !policy.disables(name, own_name)) else { continue };
        if !is_tool_name(&shown) {
            let problem = format!(
                "with its prefix, tool {own_name:?} is called {shown:?}, which is not 1 to 48 of A-Z a-z 0-9 _ -"
            );
            return Err(NotServed::InvalidManifest(problem));
        }
        let work = Work {
            plugin: Arc::clone(&plugin),
            tool: own_name.as_str().into(),
            grant: Arc::clone(&grant),
            env: Arc::clone(&env),
            unset: Arc::clone(&unset),
            turns: Arc::clone(&turns),
            connections: connections.clone(),
            cache: cache.clone(),
            folders: Arc::clone(&folders),
            pace: Arc::new(Pace::default()),
        };
        tools.push(Tool::new(shown, Arc::clone(description), loaded.program.clone(), loaded.component, work));
    }
    Ok(tools)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str) -> ToolSpec {
        ToolSpec {
            name: name.to_owned(),
            title: None,
            description: "Does nothing.".to_owned(),
            input_schema: r#"{"type": "object"}"#.to_owned(),
            output_schema: None,
            read_only: None,
            destructive: None,
            idempotent: None,
            open_world: None,
        }
    }

    #[test]
    fn a_plugin_has_some_tools_of_different_names_and_not_too_many() {
        let tools = |number: usize| (0..number).map(|number| tool(&format!("t{number}"))).collect::<Vec<_>>();
        let problem = |specs| check_tools(specs).expect_err("it is refused");
        assert_eq!(problem(tools(0)), "it lists no tools");
        assert_eq!(problem(tools(MAX_TOOLS + 1)), "it lists 129 tools; a plugin may have 128");
        assert_eq!(problem(vec![tool("t"), tool("t")]), "it lists two tools named \"t\"");
        assert_eq!(check_tools(tools(MAX_TOOLS)).expect("they are good").len(), MAX_TOOLS);
    }

    #[test]
    fn the_schemas_of_all_tools_together_are_bounded() {
        let problem = |count: usize, schema: &serde_json::Value| {
            let spec = |number| ToolSpec { input_schema: schema.to_string(), ..tool(&format!("t{number}")) };
            check_tools((0..count).map(spec).collect()).err().unwrap_or_default()
        };
        let long = json!({"type": "object", "description": "x".repeat(60_000)});
        assert_eq!(problem(17, &long), "");
        assert_eq!(problem(18, &long), "the schemas of its tools take more than 1MiB");
        let patterns: serde_json::Map<_, _> = (0..50).map(|i| (format!("p{i}"), json!({"pattern": "^a"}))).collect();
        let patterns = json!({"type": "object", "properties": patterns});
        assert_eq!(problem(8, &patterns), "");
        assert_eq!(problem(9, &patterns), "the schemas of its tools have more than 400 patterns");
    }
}
