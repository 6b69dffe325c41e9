//! Environment variables that the operator has granted.

use std::env::VarError;

use crate::{ToolError, host};

/// The value of the environment variable `name`.
///
/// The plugin's manifest asks for it by name (`[capabilities] env`), the operator grants it and sets it on the host.
/// Natively the value is what [`testing::env`](crate::testing::env) has set.
///
/// # Errors
///
/// `missing_environment_variable` when it is not set or not granted, `invalid_environment_variable` when it is not UTF-8.
/// The value itself is never part of an error.
pub fn var(name: &str) -> Result<String, ToolError> {
    host::variable(name).map_err(|error| match error {
        VarError::NotPresent => ToolError::new(
            "missing_environment_variable",
            format!("the plugin needs the environment variable `{name}`, which it cannot see"),
        )
        .cause(format!("`{name}` is not set where the host runs"))
        .cause(format!("`{name}` is not listed under [capabilities] env in the plugin's plugin.toml, or not granted"))
        .check_first(format!("A person sets `{name}` for the host and reviews the plugin's permissions.")),
        VarError::NotUnicode(_) => ToolError::new(
            "invalid_environment_variable",
            format!("the environment variable `{name}` does not hold UTF-8 text"),
        )
        .check_first(format!("A person sets `{name}` again for the host.")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_variable_is_visible_while_its_guard_lives() {
        let token = testing::env("HN_TOKEN", "secret");
        assert_eq!(var("HN_TOKEN").unwrap(), "secret");
        drop(token);
        let error = var("HN_TOKEN").unwrap_err();
        assert_eq!(error.code, "missing_environment_variable");
        assert!(error.message.contains("`HN_TOKEN`"), "{error}");
        assert!(error.check_first.unwrap().contains("`HN_TOKEN`"));
    }

    #[test]
    fn the_real_environment_is_out_of_reach() {
        assert!(std::env::var("PATH").is_ok());
        assert!(var("PATH").is_err());
    }
}
