//! What languages share that have a compiler to WebAssembly modules and no tools of their own for components: bindings made from
//! the project's WIT, and the component made of module and WIT.

use std::{
    collections::BTreeMap,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{
    Files, WorldGenerator,
    wit_parser::{PackageId, Resolve, WorldId, WorldItem},
};
use wit_component_of_bindgen::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::BuildError;
use crate::wit_package;

/// The folder of a project that holds what is generated. A build empties it first.
pub(super) const GENERATED: &str = "gen";

/// The contract, which a project's WIT can use without a copy of its own.
const CONTRACT: &str = include_str!("../../../wit/plugin.wit");

/// Generated files, by their paths in the folder [`GENERATED`].
pub(super) type Sources = BTreeMap<String, Vec<u8>>;

/// The world that a project implements, from its folder `wit`.
pub(super) struct World {
    folder: PathBuf,
    resolve: Resolve,
    package: PackageId,
    id: WorldId,
}

impl World {
    /// Reads the world of the project in `folder`. Its packages are those of `wit`, of `wit/deps`, and the contract.
    ///
    /// # Errors
    ///
    /// When the WIT cannot be read, is not valid, or has more than one world or none.
    pub(super) fn of(folder: &Path) -> Result<Self, BuildError> {
        let wit = folder.join("wit");
        // A project may have the contract among its own packages, which cannot be there twice.
        let alone = Resolve::default();
        let (resolve, package) = read(alone, &wit).or_else(|_| read(with_contract()?, &wit))?;
        let id = resolve.select_world(&[package], None).map_err(|error| unfit(&wit, &error))?;
        Ok(Self { folder: folder.to_owned(), resolve, package, id })
    }

    /// The bindings that a generator makes of the world.
    ///
    /// # Errors
    ///
    /// When the generator does not know a type of the world.
    pub(super) fn bindings(&self, mut generator: Box<dyn WorldGenerator>) -> Result<Sources, BuildError> {
        let (mut resolve, mut files) = (self.resolve.clone(), Files::default());
        // Generators panic where they do not know a type.
        catch_unwind(AssertUnwindSafe(|| generator.generate(&mut resolve, self.id, &mut files)))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it has a type for which this language has no bindings yet")))
            .map_err(|error| unfit(&self.folder.join("wit"), &error))?;
        Ok(files.iter().map(|(name, contents)| (name.to_owned(), contents.to_owned())).collect())
    }

    /// Makes these files all that there is in the folder [`GENERATED`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn write(&self, sources: &Sources) -> Result<(), BuildError> {
        let generated = self.folder.join(GENERATED);
        empty(&generated).map_err(|error| BuildError::file(&generated, error))?;
        for (name, contents) in sources {
            let path = generated.join(name);
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, contents));
            written.map_err(|error| BuildError::file(&path, error))?;
        }
        Ok(())
    }

    /// Makes a component of a module that implements the world, and was linked against the first preview of WASI.
    ///
    /// # Errors
    ///
    /// When the module does not export what the world does, or imports what neither the world nor WASI has.
    pub(super) fn component(&self, module: &Path) -> Result<Vec<u8>, BuildError> {
        let mut bytes = fs::read(module).map_err(|error| BuildError::file(module, error))?;
        let encoded = embed_component_metadata(&mut bytes, &self.resolve, self.id, StringEncoding::UTF8, false)
            .and_then(|()| {
                let (name, adapter) = (WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
                ComponentEncoder::default().validate(true).module(&bytes)?.adapter(name, adapter)?.encode()
            });
        let mut component = encoded.map_err(|error| unfit(module, &error))?;
        // Components keep no comments, and descriptions of tools are made of them.
        for package in self.exported() {
            let encoded = wit_component_of_bindgen::encode(&self.resolve, package, false)
                .map_err(|error| unfit(module, &error))?;
            wit_package::append_encoded(&mut component, &encoded);
        }
        Ok(component)
    }

    /// The packages that have what the world exports.
    fn exported(&self) -> Vec<PackageId> {
        let mut packages = vec![self.package];
        for item in self.resolve.worlds[self.id].exports.values() {
            if let WorldItem::Interface { id, .. } = item {
                packages.extend(self.resolve.interfaces[*id].package.filter(|package| !packages.contains(package)));
            }
        }
        packages
    }
}

fn with_contract() -> Result<Resolve, BuildError> {
    let mut resolve = Resolve::default();
    let file = Path::new("toolcell-plugin.wit");
    resolve.push_str(file, CONTRACT).map_err(|error| unfit(file, &error))?;
    Ok(resolve)
}

fn read(mut resolve: Resolve, wit: &Path) -> Result<(Resolve, PackageId), BuildError> {
    match resolve.push_dir(wit) {
        Ok((package, _)) => Ok((resolve, package)),
        Err(error) => Err(BuildError::file(wit, resolve.render_error(&error))),
    }
}

fn unfit(path: &Path, error: &anyhow::Error) -> BuildError {
    BuildError::file(path, format!("{error:#}"))
}

fn empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = include_str!("../../../guest-sdk/templates/c/wit/plugin.wit");
    /// A module with what the canonical ABI asks of one that exports `greet`.
    const MODULE: &str = r#"
        (module
          (memory (export "memory") 1)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
          (func (export "greet") (param i32 i32) (result i32) i32.const 0))"#;

    fn project(wit: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("wit")).expect("it is ours");
        fs::write(folder.path().join("wit/plugin.wit"), wit).expect("it is ours");
        folder
    }

    fn error(wit: &str) -> String {
        let folder = project(wit);
        let Err(error) = World::of(folder.path()) else { panic!("it is no world") };
        error.to_string()
    }

    #[test]
    fn the_contract_is_there_for_every_project_and_a_copy_of_it_does_no_harm() {
        let folder = project(WIT);
        World::of(folder.path()).expect("it knows the contract");
        let copy = folder.path().join("wit/deps/toolcell");
        fs::create_dir_all(&copy).and_then(|()| fs::write(copy.join("plugin.wit"), CONTRACT)).expect("it is ours");
        World::of(folder.path()).expect("it takes the copy");
    }

    #[test]
    fn what_is_wrong_with_the_wit_is_told_with_its_place() {
        let unknown = error(&WIT.replace("greeting, tool-error>", "greeting, mistake>"));
        assert!(unknown.contains("name `mistake` does not exist") && unknown.contains("plugin.wit:17:"), "{unknown}");
        let none = error("package example:greet;");
        assert!(none.contains("wit: ") && none.contains("world"), "{none}");
    }

    #[test]
    fn bindings_are_all_that_is_in_their_folder() {
        let folder = project(WIT);
        let world = World::of(folder.path()).expect("a world");
        let generated = folder.path().join(GENERATED);
        fs::create_dir(&generated).and_then(|()| fs::write(generated.join("old.c"), "")).expect("it is ours");
        let sources = world.bindings(wit_bindgen_c::Opts::default().build()).expect("bindings");
        let header = String::from_utf8_lossy(&sources["plugin.h"]);
        assert!(header.contains("bool exports_plugin_greet("), "{header}");
        world.write(&sources).expect("it is ours");
        let mut names: Vec<_> =
            fs::read_dir(&generated).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["plugin.c", "plugin.h", "plugin_component_type.o"]);
    }

    #[test]
    fn a_module_becomes_a_component_that_says_what_its_tools_do() {
        let folder = project(WIT);
        let world = World::of(folder.path()).expect("a world");
        let module = folder.path().join("module.wasm");
        fs::write(&module, wat::parse_str(MODULE).expect("it is a module")).expect("it is ours");
        let component = world.component(&module).expect("a component");
        let sections = wit_package::custom_sections(&component);
        let (_, wit) = sections.iter().find(|(name, _)| *name == wit_package::SECTION).expect("its WIT");
        assert!(String::from_utf8_lossy(wit).contains("Greets somebody by name."));

        fs::write(&module, wat::parse_str(MODULE.replace("greet", "meet")).expect("it is a module"))
            .expect("it is ours");
        let error = world.component(&module).expect_err("it lacks an export").to_string();
        assert!(error.contains("module.wasm: ") && error.contains("greet"), "{error}");
    }
}
