//! From a folder of plugins to tools that can be called: manifest, lock file, loading, registry, schemas.

pub mod acceptance;
pub mod files;
mod inspect;
mod load;
pub mod lock;
pub mod manifest;
mod registry;
mod schema;
mod tool;
mod watch;

pub use self::{
    inspect::{Inspection, inspect},
    load::{Environment, Loaded},
    registry::{Catalog, Registry, Served, Sources, Unserved},
    schema::{InvalidSchema, Schema},
    tool::{Arguments, Hints, Tool},
    watch::watch,
};
