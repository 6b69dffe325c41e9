//! What a component's custom sections say of its functions and types, which no toolchain keeps in the types themselves.
//!
//! What is read here was written by whoever built the component. It is bounded, and read where a panic hurts nobody.

use wit_parser::{
    Docs, Function as WitFunction, Resolve, Type, TypeDefKind,
    decoding::{DecodedWasm, decode},
};

use super::{
    Function,
    answer::Good,
    package_docs::PackageDocs,
    shape::{Kind, Label, Shape},
};
use crate::wit_package::{self, PACKAGE_DOCS, custom_sections};

/// Bytes of one section that are read.
const MAX_SECTION: usize = 1 << 20;
/// Sections of one name that are read.
const MAX_SECTIONS: usize = 16;
/// Names that may stand for each other one after the other.
const MAX_ALIASES: usize = 32;

/// The custom sections of a component that document it.
#[derive(Debug, Default)]
pub(super) struct Sections {
    wit: Vec<Vec<u8>>,
    package_docs: Vec<Vec<u8>>,
    /// The whole component, which has the names of the types that `package_docs` is about.
    component: Vec<u8>,
}

impl Sections {
    pub(super) fn of(wasm: &[u8]) -> Self {
        let mut sections = Self::default();
        for (name, data) in custom_sections(wasm) {
            let kind = match name {
                wit_package::SECTION => &mut sections.wit,
                PACKAGE_DOCS => &mut sections.package_docs,
                _ => continue,
            };
            if data.len() <= MAX_SECTION && kind.len() < MAX_SECTIONS {
                kind.push(data.to_vec());
            } else {
                tracing::warn!(
                    "a component's {name} section is larger than 1 MiB, or one of more than 16; it is not read"
                );
            }
        }
        if !sections.package_docs.is_empty() {
            sections.component = wasm.to_vec();
        }
        sections
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wit.is_empty() && self.package_docs.is_empty()
    }
}

/// Adds to functions and their types what the sections say of them. What the WIT says counts before the rest.
pub(super) fn add(functions: &mut [Function], sections: &Sections) {
    for section in &sections.package_docs {
        let named = wit_package::types(&sections.component);
        if let (Some(docs), Ok((mut resolve, _))) = (PackageDocs::read(section), named) {
            docs.add_to(&mut resolve);
            add_package(functions, &resolve);
        } else {
            tracing::warn!("a component's {PACKAGE_DOCS} section is not understood; it is not used");
        }
    }
    for section in &sections.wit {
        match decode(section) {
            Ok(DecodedWasm::WitPackage(resolve, _)) => add_package(functions, &resolve),
            Ok(DecodedWasm::Component(..)) | Err(_) => {
                tracing::warn!("a component's {} section is no WIT package; it is not used", wit_package::SECTION);
            }
        }
    }
}

/// Adds the documentation of a WIT package.
fn add_package(functions: &mut [Function], resolve: &Resolve) {
    for function in functions {
        if let Some(described) = wit_package::find(resolve, function.interface.as_deref(), &function.name) {
            add_function(function, described, resolve);
        }
    }
}

fn add_function(function: &mut Function, described: &WitFunction, resolve: &Resolve) {
    set(&mut function.docs, &described.docs);
    for (parameter, described) in function.parameters.iter_mut().zip(&described.params) {
        if parameter.label.wit == described.name {
            add_type(&mut parameter.shape, &described.ty, resolve);
        }
    }
    let (Good::Object(shape) | Good::Wrapped(shape)) = &mut function.answer.good else { return };
    let Some(mut result) = described.result else { return };
    if function.answer.bad.is_some() {
        let Some(TypeDefKind::Result(ends)) = behind(&result, resolve) else { return };
        let Some(ok) = ends.ok else { return };
        result = ok;
    }
    add_type(shape, &result, resolve);
}

/// What a name stands for in the end, if it stands for something with a structure.
fn behind<'a>(ty: &Type, resolve: &'a Resolve) -> Option<&'a TypeDefKind> {
    let mut ty = *ty;
    for _ in 0..MAX_ALIASES {
        let Type::Id(id) = ty else { return None };
        match &resolve.types[id].kind {
            TypeDefKind::Type(other) => ty = *other,
            kind => return Some(kind),
        }
    }
    None
}

/// Adds the documentation of a type. Where the two differ, the types that are called are right.
fn add_type(shape: &mut Shape, ty: &Type, resolve: &Resolve) {
    let mut named = *ty;
    for _ in 0..MAX_ALIASES {
        let Type::Id(id) = named else { return };
        // Of a name that stands for another one, the nearest documentation counts.
        if shape.docs.is_none() {
            set(&mut shape.docs, &resolve.types[id].docs);
        }
        let TypeDefKind::Type(other) = resolve.types[id].kind else { break };
        named = other;
    }
    let Some(described) = behind(ty, resolve) else { return };
    match (&mut shape.kind, described) {
        (Kind::List(shape), TypeDefKind::List(ty)) | (Kind::Option(shape), TypeDefKind::Option(ty)) => {
            add_type(shape, ty, resolve);
        }
        (Kind::Tuple(shapes), TypeDefKind::Tuple(tuple)) => {
            for (shape, ty) in shapes.iter_mut().zip(&tuple.types) {
                add_type(shape, ty, resolve);
            }
        }
        (Kind::Record(fields), TypeDefKind::Record(record)) => {
            for (field, described) in fields.iter_mut().zip(&record.fields) {
                add_label(&mut field.label, &described.name, &described.docs);
                add_type(&mut field.shape, &described.ty, resolve);
            }
        }
        (Kind::Variant(cases), TypeDefKind::Variant(variant)) => {
            for (case, described) in cases.iter_mut().zip(&variant.cases) {
                add_label(&mut case.label, &described.name, &described.docs);
                if let (Some(payload), Some(ty)) = (&mut case.payload, &described.ty) {
                    add_type(payload, ty, resolve);
                }
            }
        }
        (Kind::Enum(labels), TypeDefKind::Enum(names)) => {
            for (label, described) in labels.iter_mut().zip(&names.cases) {
                add_label(label, &described.name, &described.docs);
            }
        }
        (Kind::Flags(labels), TypeDefKind::Flags(names)) => {
            for (label, described) in labels.iter_mut().zip(&names.flags) {
                add_label(label, &described.name, &described.docs);
            }
        }
        (Kind::Result(shapes), TypeDefKind::Result(ends)) => {
            for (shape, ty) in [(&mut shapes.ok, &ends.ok), (&mut shapes.err, &ends.err)] {
                if let (Some(shape), Some(ty)) = (shape, ty) {
                    add_type(shape, ty, resolve);
                }
            }
        }
        _ => {}
    }
}

fn add_label(label: &mut Label, name: &str, docs: &Docs) {
    if label.wit == name {
        set(&mut label.docs, docs);
    }
}

fn set(to: &mut Option<String>, docs: &Docs) {
    if let Some(text) = docs.contents.as_deref().map(paragraphs).filter(|text| !text.is_empty()) {
        *to = Some(text);
    }
}

/// A comment is broken into lines for its source file; a model gets paragraphs. Lists and what is indented keep their lines.
fn paragraphs(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.trim().lines() {
        let stands_alone = line.is_empty() || line.starts_with(['-', '*', ' ']);
        if !text.is_empty() {
            text.push(if stands_alone || text.ends_with('\n') { '\n' } else { ' ' });
        }
        text.push_str(line.trim_end());
    }
    text
}
