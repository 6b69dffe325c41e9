//! What languages share that have a compiler to WebAssembly modules and no tools of their own for components: bindings made from
//! the project's WIT, and the component made of module and WIT.

use std::{
    collections::BTreeMap,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use wasm_encoder::{CustomSection, Section};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{
    Files, WorldGenerator,
    wit_parser::{PackageId, Resolve, WorldId, WorldItem},
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::BuildError;

/// The folder of a project that holds what is generated. A build empties it first.
pub(super) const GENERATED: &str = "gen";

/// The custom section for a WIT package.
const DESCRIPTION: &str = "toolcell:wit";

/// The contract, which a project's WIT can use without a copy of its own.
const CONTRACT: &str = include_str!("../../../wit/plugin.wit");

/// Generated files, by their paths in the folder [`GENERATED`].
pub(super) type Sources = BTreeMap<String, String>;

/// The world that a project implements, from its folder `wit`.
pub(super) struct World {
    folder: PathBuf,
    resolve: Resolve,
    package: PackageId,
    world: WorldId,
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
        let world = resolve.select_world(&[package], None).map_err(|error| unfit(&wit, &error))?;
        Ok(Self { folder: folder.to_owned(), resolve, package, world })
    }

    /// The bindings that a generator makes of the world.
    ///
    /// # Errors
    ///
    /// When the generator does not know a type of the world.
    pub(super) fn bindings(&self, mut generator: Box<dyn WorldGenerator>) -> Result<Sources, BuildError> {
        let (mut resolve, mut files) = (self.resolve.clone(), Files::default());
        // Generators panic where they do not know a type.
        catch_unwind(AssertUnwindSafe(|| generator.generate(&mut resolve, self.world, &mut files)))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it has a type for which this language has no bindings yet")))
            .map_err(|error| unfit(&self.folder.join("wit"), &error))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(files.iter().map(|(name, contents)| (name.to_owned(), text(contents))).collect())
    }

    /// Makes these files all that there is in the folder [`GENERATED`].
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn write(&self, sources: &Sources) -> Result<(), BuildError> {
        let generated = self.folder.join(GENERATED);
        empty(&generated).map_err(|error| BuildError::file(&generated, error))?;
        for (name, text) in sources {
            let path = generated.join(name);
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
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
        let encoded = embed_component_metadata(&mut bytes, &self.resolve, self.world, StringEncoding::UTF8, false)
            .and_then(|()| {
                let (name, adapter) = (WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
                ComponentEncoder::default().validate(true).module(&bytes)?.adapter(name, adapter)?.encode()
            });
        let mut component = encoded.map_err(|error| unfit(module, &error))?;
        self.describe(&mut component).map_err(|error| unfit(module, &error))?;
        Ok(component)
    }

    /// Adds the packages that have what the component exports: components keep no comments, and descriptions of tools are made of them.
    fn describe(&self, component: &mut Vec<u8>) -> anyhow::Result<()> {
        let mut packages = vec![self.package];
        for item in self.resolve.worlds[self.world].exports.values() {
            if let WorldItem::Interface { id, .. } = item {
                packages.extend(self.resolve.interfaces[*id].package.filter(|package| !packages.contains(package)));
            }
        }
        for package in packages {
            let package = wit_component::encode(&self.resolve, package)?;
            CustomSection { name: DESCRIPTION.into(), data: package.into() }.append_to(component);
        }
        Ok(())
    }
}

fn with_contract() -> Result<Resolve, BuildError> {
    let mut resolve = Resolve::default();
    let file = Path::new("toolcell-plugin.wit");
    resolve.push_str(file, CONTRACT).map_err(|error| unfit(file, &error))?;
    Ok(resolve)
}

fn read(mut resolve: Resolve, wit: &Path) -> Result<(Resolve, PackageId), BuildError> {
    let (package, _) = resolve.push_dir(wit).map_err(|error| unfit(wit, &error))?;
    Ok((resolve, package))
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
