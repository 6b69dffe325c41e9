//! The WIT package that a component carries in a custom section: the documentation of its functions and types, which a
//! component's own types do not keep.

use std::{borrow::Cow, path::Path};

use wasm_encoder::{CustomSection, Section};
use wasmparser::{BinaryReader, Parser};
use wit_parser::{
    Function, InterfaceId, PackageId, Resolve, WorldId, WorldItem, WorldKey,
    decoding::{DecodedWasm, decode},
};

/// The custom section. A component has one for each package that it exports something of.
pub const SECTION: &str = "toolcell:wit";

/// The custom section by which tools of other hosts keep documentation in a component.
pub(crate) const PACKAGE_DOCS: &str = "package-docs";

/// Bytes in front of a component's first section: magic, version and layer (Component Model, Binary.md).
const PREAMBLE: usize = 8;
/// The number of custom sections, in modules and components alike.
const CUSTOM: u8 = 0;

/// Why a component does not get its WIT package.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file is not a component.
    #[error("it is not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`")]
    NotAComponent,
    /// The component's own types cannot be read.
    #[error("its types cannot be read: {0}")]
    Component(String),
    /// The WIT cannot be read.
    #[error("the WIT cannot be read: {0}")]
    Wit(String),
    /// The WIT is not that of the component.
    #[error("the WIT does not describe what the component exports: {} is missing from it, or has other parameters; expected \
        the WIT that the component was built from", .0.join(", "))]
    Missing(Vec<String>),
}

/// The component with the package of this folder or file of WIT in it, in place of what it had. A folder may have `deps`.
///
/// # Errors
///
/// [`PackError`], where one of the two cannot be read, or the WIT is not that of the component.
pub fn pack(component: &[u8], wit: &Path) -> Result<Vec<u8>, PackError> {
    if !Parser::is_component(component) {
        return Err(PackError::NotAComponent);
    }
    let mut packed = without(component, SECTION).ok_or(PackError::NotAComponent)?;
    let exported = exported(&packed).map_err(PackError::Component)?;
    let mut resolve = Resolve::default();
    let (main, _) = resolve.push_path(wit).map_err(|error| PackError::Wit(format!("{error:#}")))?;
    let is_missing = |export: &&Export| {
        let described = find(&resolve, export.interface.as_deref(), &export.name);
        let parameters = described.map(|function| function.params.iter().map(|parameter| &parameter.name));
        !parameters.is_some_and(|parameters| parameters.eq(&export.parameters))
    };
    let missing: Vec<_> = exported.iter().filter(is_missing).map(Export::shown).collect();
    if !missing.is_empty() {
        return Err(PackError::Missing(missing));
    }
    let mut packages = vec![main];
    for interface in exported.iter().filter_map(|export| interface(&resolve, export.interface.as_deref()?)) {
        packages.extend(resolve.interfaces[interface].package.filter(|package| !packages.contains(package)));
    }
    for package in packages {
        append(&mut packed, &resolve, package)?;
    }
    Ok(packed)
}

fn append(component: &mut Vec<u8>, resolve: &Resolve, package: PackageId) -> Result<(), PackError> {
    let encoded = wit_component::encode(resolve, package).map_err(|error| PackError::Wit(format!("{error:#}")))?;
    append_encoded(component, &encoded);
    Ok(())
}

/// Adds a package in its binary form to a component.
pub(crate) fn append_encoded(component: &mut Vec<u8>, package: &[u8]) {
    CustomSection { name: Cow::Borrowed(SECTION), data: Cow::Borrowed(package) }.append_to(component);
}

/// A function that a component exports.
struct Export {
    interface: Option<String>,
    name: String,
    parameters: Vec<String>,
}

impl Export {
    fn of(interface: Option<&str>, function: &Function) -> Self {
        let parameters = function.params.iter().map(|parameter| parameter.name.clone()).collect();
        Self { interface: interface.map(ToOwned::to_owned), name: function.name.clone(), parameters }
    }

    fn shown(&self) -> String {
        let Self { interface, name, .. } = self;
        interface.as_ref().map_or_else(|| format!("`{name}`"), |interface| format!("`{name}` of `{interface}`"))
    }
}

/// The functions that a component exports for callers.
fn exported(component: &[u8]) -> Result<Vec<Export>, String> {
    let (resolve, world) = types(component)?;
    let mut exported = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        let key = resolve.name_world_key(key);
        match item {
            _ if !is_for_callers(&key) => {}
            WorldItem::Function(function) => exported.push(Export::of(None, function)),
            WorldItem::Interface { id, .. } => {
                let functions = resolve.interfaces[*id].functions.values();
                exported.extend(functions.map(|function| Export::of(Some(&key), function)));
            }
            WorldItem::Type { .. } => {}
        }
    }
    Ok(exported)
}

/// Whether an export is not one of WASI's, which a runtime calls, nor one that a toolchain leaves for itself: componentize-py
/// an interface `exports`, componentize-qjs an `init`.
pub(crate) fn is_for_callers(export: &str) -> bool {
    !export.starts_with("wasi:") && !matches!(export, "exports" | "init")
}

/// The description of an exported function: one of an interface, or of a world.
pub(crate) fn find<'a>(resolve: &'a Resolve, of_interface: Option<&str>, name: &str) -> Option<&'a Function> {
    match of_interface {
        Some(export) => resolve.interfaces[interface(resolve, export)?].functions.get(name),
        None => in_world(resolve, name).find_map(|item| match item {
            WorldItem::Function(function) => Some(function),
            _ => None,
        }),
    }
}

/// The interface of an export, by its whole name, or by the one that a world gives it.
fn interface(resolve: &Resolve, export: &str) -> Option<InterfaceId> {
    if export.contains(':') {
        return resolve.interfaces.iter().map(|(id, _)| id).find(|id| resolve.id_of(*id).as_deref() == Some(export));
    }
    in_world(resolve, export).find_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    })
}

/// What worlds export by a name of their own.
fn in_world<'a>(resolve: &'a Resolve, name: &str) -> impl Iterator<Item = &'a WorldItem> {
    let key = WorldKey::Name(name.to_owned());
    resolve.worlds.iter().filter_map(move |(_, world)| world.exports.get(&key))
}

/// The component's own custom sections, not those of what it is made of. Of what is no component, none.
pub(crate) fn custom_sections(wasm: &[u8]) -> Vec<(&str, &[u8])> {
    sections(wasm).unwrap_or_default().into_iter().filter_map(|section| section.custom).collect()
}

/// The component without its custom sections of this name; `None` where its bytes are no sections.
fn without(component: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut kept = component.get(..PREAMBLE)?.to_vec();
    for section in sections(component)? {
        if section.custom.is_none_or(|(custom, _)| custom != name) {
            kept.extend_from_slice(section.whole);
        }
    }
    Some(kept)
}

/// The types and names of a component. wit-parser takes the documentation in it for that of a WIT package, and stumbles over
/// it, so it comes without.
pub(crate) fn types(component: &[u8]) -> Result<(Resolve, WorldId), String> {
    let bare = without(component, PACKAGE_DOCS).ok_or("it is not made of sections")?;
    match decode(&bare).map_err(|error| format!("{error:#}"))? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => Err("it is a WIT package, which has types and no code".to_owned()),
    }
}

/// A section of a component, as it stands there.
struct Part<'a> {
    /// With its number and size.
    whole: &'a [u8],
    /// Name and data of a custom section.
    custom: Option<(&'a str, &'a [u8])>,
}

/// The sections of a component; `None` where its bytes are not such.
fn sections(wasm: &[u8]) -> Option<Vec<Part<'_>>> {
    let body = wasm.get(PREAMBLE..)?;
    let mut reader = BinaryReader::new(body, 0);
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let number = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()? as usize;
        let data = reader.read_bytes(size).ok()?;
        let custom = if number == CUSTOM { custom(data) } else { None };
        sections.push(Part { whole: &body[start..reader.original_position()], custom });
    }
    Some(sections)
}

fn custom(data: &[u8]) -> Option<(&str, &[u8])> {
    let mut reader = BinaryReader::new(data, 0);
    let name = reader.read_string().ok()?;
    Some((name, &data[reader.original_position()..]))
}
