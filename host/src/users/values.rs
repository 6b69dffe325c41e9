//! The values of variables that toolcell.toml gives to users.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use crate::{
    config::ValueSources, env_file::EnvFile, plugin::Environment, policy::UserName, source::Source, user::OwnValues,
};

/// Each user's own values, by the name that toolcell.toml has for the user; or why they cannot be read.
pub type ValuesByUser = HashMap<String, Result<OwnValues, String>>;

/// Reads the values of users from their files, which are relative to the folder of toolcell.toml, and from the host's variables.
///
/// A variable that toolcell.toml names comes before the same one of the user's file, and what one user was given before what
/// everybody was.
#[must_use]
pub fn read_values(sources: &BTreeMap<String, ValueSources>, beside: &Path, environment: &Environment) -> ValuesByUser {
    let own = |name: &str| match sources.get(name) {
        Some(sources) => read(sources, beside, environment),
        None => Ok(OwnValues::default()),
    };
    let values = |name: &str| -> Result<OwnValues, String> { Ok(own(name)?.or(own(UserName::OTHERS)?)) };
    sources.keys().map(|name| (name.clone(), values(name))).collect()
}

fn read(sources: &ValueSources, beside: &Path, environment: &Environment) -> Result<OwnValues, String> {
    let named: OwnValues = sources.env.iter().map(|(seen, host)| (seen.clone(), environment.value(host))).collect();
    let Some(file) = &sources.env_file else { return Ok(named) };
    let path = beside.join(file);
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let file = EnvFile::parse(&Source { file: &shown, text: &text }).map_err(|error| error.to_string())?;
    Ok(named.or(file.into()))
}
