//! From a folder of plugins to tools that can be called: manifest, lock file, loading, registry, schemas.

pub mod acceptance;
mod catalog;
pub mod examples;
pub mod files;
mod inspect;
mod language;
mod load;
mod loads;
pub mod lock;
pub mod manifest;
mod registry;
mod schema;
mod tool;
mod trial;
mod view;
mod warnings;
mod watch;

pub use self::{
    catalog::{Catalog, Served, Unserved},
    inspect::{Inspection, inspect, inspect_component},
    language::Language,
    load::{Environment, Loaded},
    registry::{Registry, Sources},
    schema::{InvalidSchema, Schema},
    tool::{Arguments, Hints, Tool},
    view::View,
    watch::watch,
};
pub(crate) use self::{
    trial::{component_on_trial, on_trial},
    warnings::receivers,
    watch::settle,
};
