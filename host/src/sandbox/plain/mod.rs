//! Components that were not written for Toolcell: they do not export the contract, and each function that they export is a
//! tool.

mod answer;
mod contract;
mod decode;
mod docs;
#[cfg(test)]
mod document;
mod encode;
mod package_docs;
#[cfg(test)]
mod parity;
mod schema;
mod shape;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Instant};

use serde_json::Value;
use wasmtime::{
    Engine, Store,
    component::{
        Component, ComponentExportIndex, InstancePre, Val,
        types::{ComponentFunc, ComponentItem},
    },
};

use self::{
    answer::Answer,
    schema::Way,
    shape::{Field, Label, Reader},
};
use super::{RawOutput, Sandbox, ToolSpec, state::CallState};
use crate::{failure::Failure, text::title_of, wit_package};

/// The interface by which a component says that it was written for Toolcell, without its version.
const CONTRACT: &str = "toolcell:plugin/tools@";

/// Functions up to which what is said of them is read. With more a component is not served in any case.
const MAX_DOCUMENTED: usize = 1_000;

/// Characters of a tool's name, as everywhere.
const MAX_NAME: usize = 48;

/// Why a component without the contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// It exports nothing that can be called.
    #[error("it exports neither {CONTRACT}0.1.0 nor a function{0}")]
    Empty(&'static str),
    /// A function has a type that JSON cannot carry.
    #[error("its function {function} cannot be a tool: {problem}")]
    Function {
        /// With its interface.
        function: String,
        /// What of it.
        problem: String,
    },
    /// Two functions are called the same.
    #[error("its functions {0} and {1} would both be the tool {2:?}")]
    SameName(String, String, String),
}

/// The functions of a component, ready to be called.
pub(super) struct Functions {
    pre: InstancePre<CallState>,
    by_tool: BTreeMap<String, Function>,
}

/// A function that a component exports.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// The name of the tool.
    tool: String,
    /// The interface that has it, with package and version; `None` at the level of the world.
    interface: Option<String>,
    name: String,
    index: ComponentExportIndex,
    parameters: Vec<Field>,
    answer: Answer,
    docs: Option<String>,
}

/// Whether a component exports the contract, of whatever version.
pub(super) fn has_contract(component: &Component, engine: &Engine) -> bool {
    component.component_type().exports(engine).any(|(name, _)| name.starts_with(CONTRACT))
}

impl Functions {
    /// Reads the functions of a component and what its custom sections say of them.
    ///
    /// # Errors
    ///
    /// [`Unfit`], where there is no function, or one that cannot be a tool.
    pub(super) async fn of(sandbox: &Sandbox, pre: InstancePre<CallState>, wasm: &[u8]) -> Result<Self, Unfit> {
        let mut functions = exported(pre.component(), &sandbox.engine)?;
        name(&mut functions)?;
        let sections = docs::Sections::of(wasm);
        if !sections.is_empty() && functions.len() <= MAX_DOCUMENTED {
            let undocumented = functions.clone();
            let documented = sandbox.aside(move || {
                docs::add(&mut functions, &sections);
                functions
            });
            functions = documented.await.unwrap_or(undocumented);
        }
        let by_tool = functions.into_iter().map(|function| (function.tool.clone(), function)).collect();
        Ok(Self { pre, by_tool })
    }

    /// The tools.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        self.by_tool.values().map(Function::spec).collect()
    }

    /// Runs one call of a tool in a new instance. An answer of more than `limit` bytes is a failure.
    pub(super) async fn call(
        &self,
        tool: &str,
        store: &mut Store<CallState>,
        arguments: &str,
        limit: u64,
    ) -> wasmtime::Result<Result<RawOutput, Failure>> {
        let Some(function) = self.by_tool.get(tool) else {
            return Err(wasmtime::Error::msg("the component has no such function"));
        };
        let parameters = match decode::parameters(&function.parameters, &serde_json::from_str(arguments)?) {
            Ok(parameters) => parameters,
            Err(mismatch) => return Ok(Err(Failure::InvalidArguments { mismatches: vec![mismatch] })),
        };
        let instance = self.pre.instantiate_async(&mut *store).await?;
        store.data_mut().instantiated = Some(Instant::now());
        let Some(export) = instance.get_func(&mut *store, function.index) else {
            return Err(wasmtime::Error::msg("the component has lost an export"));
        };
        let mut results = vec![Val::Bool(false); usize::from(function.answer.has_value())];
        export.call_async(&mut *store, &parameters, &mut results).await?;
        Ok(function.answer.read(results.pop(), limit))
    }
}

impl Function {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.tool.clone(),
            title: Some(title_of(&self.tool)),
            description: self.docs.clone().unwrap_or_else(|| self.signature()),
            input_schema: Value::from(schema::object(&self.parameters, Way::In)).to_string(),
            output_schema: self.answer.schema().map(|schema| schema.to_string()),
            read_only: None,
            destructive: None,
            idempotent: None,
            open_world: None,
        }
    }

    /// Names it for a person.
    fn called(&self) -> String {
        shown(self.interface.as_deref(), &self.name)
    }

    /// What is known of a function that nobody described.
    fn signature(&self) -> String {
        let takes: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| format!("`{}` ({})", parameter.label.json, parameter.shape.in_words()))
            .collect();
        let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
        format!(
            "Calls the function {}. Takes {takes}; returns {}. What it does is not documented in the component.",
            self.called(),
            self.answer.in_words()
        )
    }
}

fn shown(interface: Option<&str>, name: &str) -> String {
    interface.map_or_else(|| format!("`{name}`"), |interface| format!("`{name}` of `{interface}`"))
}

/// Every function that a component exports, those of WASI and of toolchains left out.
fn exported(component: &Component, engine: &Engine) -> Result<Vec<Function>, Unfit> {
    let ty = component.component_type();
    let (mut functions, mut reader, mut other) = (Vec::new(), Reader::default(), "");
    for (export, item) in ty.exports(engine) {
        match item.ty {
            _ if export.starts_with("wasi:cli/run@") => {
                other = ": it is a command, a program that runs as a whole; build it as a library, for example with \
                         `--lib` in place of `--bin`";
            }
            _ if export.starts_with("wasi:http/") => {
                other = ": it answers HTTP requests, which Toolcell sends none of";
            }
            _ if !wit_package::is_for_callers(export) => {}
            ComponentItem::ComponentFunc(ty) => {
                let index = component.get_export_index(None, export);
                functions.extend(index.map(|index| function(&mut reader, None, export, index, &ty)).transpose()?);
            }
            ComponentItem::ComponentInstance(instance) => {
                let within = component.get_export_index(None, export);
                for (name, item) in instance.exports(engine) {
                    let ComponentItem::ComponentFunc(ty) = item.ty else { continue };
                    let index = within.as_ref().and_then(|within| component.get_export_index(Some(within), name));
                    let read = index.map(|index| function(&mut reader, Some(export), name, index, &ty));
                    functions.extend(read.transpose()?);
                }
            }
            _ => {}
        }
    }
    if functions.is_empty() { Err(Unfit::Empty(other)) } else { Ok(functions) }
}

fn function(
    reader: &mut Reader,
    interface: Option<&str>,
    name: &str,
    index: ComponentExportIndex,
    ty: &ComponentFunc,
) -> Result<Function, Unfit> {
    let unfit = |problem: String| Unfit::Function { function: shown(interface, name), problem };
    if name.starts_with('[') {
        return Err(unfit("it belongs to a resource, which has no JSON form".to_owned()));
    }
    if ty.async_() {
        return Err(unfit("it is asynchronous; functions of tools are not".to_owned()));
    }
    let mut parameters = Vec::new();
    for (parameter, ty) in ty.params() {
        let shape = reader.shape(&ty).map_err(|problem| unfit(format!("its parameter `{parameter}` {problem}")))?;
        parameters.push(Field { label: Label::of(parameter), shape });
    }
    let result = ty.results().next().map(|ty| reader.shape(&ty)).transpose();
    let result = result.map_err(|problem| unfit(format!("its result {problem}")))?;
    Ok(Function {
        tool: shape::snake_case(name),
        interface: interface.map(ToOwned::to_owned),
        name: name.to_owned(),
        index,
        parameters,
        answer: Answer::of(result),
        docs: None,
    })
}

/// Gives the functions of different interfaces that are called the same the name of their interface before their own.
fn name(functions: &mut [Function]) -> Result<(), Unfit> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for function in &*functions {
        *times.entry(function.tool.clone()).or_default() += 1;
    }
    for function in functions.iter_mut().filter(|function| times[&function.tool] > 1) {
        if let Some(interface) = &function.interface {
            function.tool = format!("{}_{}", shape::snake_case(short(interface)), function.tool);
        }
    }
    let mut named: BTreeMap<&str, &Function> = BTreeMap::new();
    for function in &*functions {
        if function.tool.len() > MAX_NAME {
            let problem = format!("{:?} is longer than the {MAX_NAME} characters of a tool's name", function.tool);
            return Err(Unfit::Function { function: function.called(), problem });
        }
        if let Some(other) = named.insert(&function.tool, function) {
            return Err(Unfit::SameName(other.called(), function.called(), function.tool.clone()));
        }
    }
    Ok(())
}

/// `docs:adder/ops@0.1.0` as `ops`.
fn short(interface: &str) -> &str {
    let name = interface.rsplit_once('/').map_or(interface, |(_, name)| name);
    name.split_once('@').map_or(name, |(name, _)| name)
}
