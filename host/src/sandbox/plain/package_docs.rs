//! The custom section `package-docs`, by which wit-component keeps documentation in WIT packages and tools of other hosts keep
//! it in components: a byte for its version, and JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use wit_parser::{Docs, Function, InterfaceId, Resolve, TypeDefKind, TypeId, WorldItem, WorldKey};

/// The versions of the section that are read: the second added to the first (wit-parser's `metadata`).
const VERSIONS: [u8; 2] = [0, 1];

/// What a section says, as far as it is used.
#[derive(Deserialize)]
pub(super) struct PackageDocs {
    #[serde(default)]
    worlds: BTreeMap<String, World>,
    #[serde(default)]
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct World {
    interfaces: BTreeMap<String, Interface>,
    interface_exports: BTreeMap<String, Interface>,
    funcs: BTreeMap<String, OfFunction>,
    func_exports: BTreeMap<String, OfFunction>,
    types: BTreeMap<String, OfType>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Interface {
    funcs: BTreeMap<String, OfFunction>,
    types: BTreeMap<String, OfType>,
}

/// What is said of a function: in the first version the text itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum OfFunction {
    Text(Option<String>),
    Members { docs: Option<String> },
}

/// What is said of a type, and of its fields or cases.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfType {
    docs: Option<String>,
    items: BTreeMap<String, String>,
}

impl PackageDocs {
    pub(super) fn read(section: &[u8]) -> Option<Self> {
        let (version, json) = section.split_first()?;
        if !VERSIONS.contains(version) {
            return None;
        }
        serde_json::from_slice(json).ok()
    }

    /// Adds what it says to what it is about. It does not say whose package it is of, nor do components keep the names of their
    /// worlds, so that interfaces are told by their name alone and all worlds are one.
    pub(super) fn add_to(&self, resolve: &mut Resolve) {
        let interfaces: Vec<_> =
            resolve.interfaces.iter().map(|(id, interface)| (id, interface.name.clone())).collect();
        for (id, name) in interfaces {
            if let Some(described) = name.and_then(|name| self.interfaces.get(&name)) {
                described.add_to(id, resolve);
            }
        }
        for world in self.worlds.values() {
            world.add_to(resolve);
        }
    }
}

impl World {
    fn add_to(&self, resolve: &mut Resolve) {
        let (mut interfaces, mut types) = (Vec::new(), Vec::new());
        for (_, world) in &mut resolve.worlds {
            for (key, item) in &mut world.exports {
                let WorldKey::Name(name) = key else { continue };
                match item {
                    WorldItem::Function(function) => {
                        describe(function, self.func_exports.get(name).or_else(|| self.funcs.get(name)));
                    }
                    WorldItem::Interface { id, .. } => {
                        let described = self.interface_exports.get(name).or_else(|| self.interfaces.get(name));
                        interfaces.extend(described.map(|described| (*id, described)));
                    }
                    WorldItem::Type { .. } => {}
                }
            }
            for (key, item) in &world.imports {
                if let (WorldKey::Name(name), WorldItem::Type { id, .. }) = (key, item) {
                    types.extend(self.types.get(name).map(|described| (*id, described)));
                }
            }
        }
        for (id, described) in interfaces {
            described.add_to(id, resolve);
        }
        for (id, described) in types {
            described.add_to_type(id, resolve);
        }
    }
}

impl Interface {
    fn add_to(&self, id: InterfaceId, resolve: &mut Resolve) {
        for (name, function) in &mut resolve.interfaces[id].functions {
            describe(function, self.funcs.get(name));
        }
        for (name, described) in &self.types {
            if let Some(id) = resolve.interfaces[id].types.get(name).copied() {
                described.add_to_type(id, resolve);
            }
        }
    }
}

impl OfType {
    fn add_to_type(&self, id: TypeId, resolve: &mut Resolve) {
        let described = &mut resolve.types[id];
        set(&mut described.docs, self.docs.as_ref());
        let items: Vec<(&String, &mut Docs)> = match &mut described.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter_mut().map(|field| (&field.name, &mut field.docs)).collect()
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter_mut().map(|case| (&case.name, &mut case.docs)).collect()
            }
            TypeDefKind::Enum(names) => names.cases.iter_mut().map(|case| (&case.name, &mut case.docs)).collect(),
            TypeDefKind::Flags(names) => names.flags.iter_mut().map(|flag| (&flag.name, &mut flag.docs)).collect(),
            _ => Vec::new(),
        };
        for (name, docs) in items {
            set(docs, self.items.get(name));
        }
    }
}

fn describe(function: &mut Function, described: Option<&OfFunction>) {
    if let Some(OfFunction::Text(docs) | OfFunction::Members { docs }) = described {
        set(&mut function.docs, docs.as_ref());
    }
}

fn set(docs: &mut Docs, text: Option<&String>) {
    if let Some(text) = text {
        docs.contents = Some(text.clone());
    }
}
