//! Why a plugin is not served, and the command that mends it.

use super::{Capabilities, PluginName};

/// Why none of a plugin's tools are served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// The lock file has no entry for it.
    #[error("permissions not reviewed")]
    NotReviewed,
    /// The lock file came with the folder, and this user has not accepted it.
    #[error("lock file not accepted by this user")]
    LockNotAccepted,
    /// The lock file, or the private record of what was accepted, cannot be read or is not valid.
    #[error("lock file not usable: {0}")]
    LockUnusable(String),
    /// The manifest asks for something that nobody reviewed.
    #[error("asks for more than was reviewed: {}", .0.in_words().join("; "))]
    AsksForMore(Box<Capabilities>),
    /// The component is neither the one reviewed nor one that was built here.
    #[error("component changed since it was reviewed")]
    ComponentChanged,
    /// The tools' names, descriptions or schemas are not those reviewed.
    #[error("tools changed since they were reviewed")]
    ToolsChanged,
    /// The manifest cannot be read or is not valid.
    #[error("manifest not valid: {0}")]
    InvalidManifest(String),
    /// The plugin comes as source, and its component is not there yet.
    #[error("not built from its source yet")]
    NotBuilt,
    /// It takes a while the first time, above all to compile the component. It is served, or something is wrong with it, by itself.
    #[error("still being loaded")]
    BeingLoaded,
    /// The component cannot be read or loaded, or lists no usable tools.
    #[error("component not valid: {0}")]
    InvalidComponent(String),
    /// One of its tools has the name of another plugin's tool.
    #[error("tool {tool:?} has the same name as one of plugin {other}")]
    NameTaken {
        /// The name that both use.
        tool: String,
        /// The other plugin.
        other: PluginName,
    },
    /// toolcell.toml turns it off.
    #[error("turned off in toolcell.toml")]
    Disabled,
}

impl NotServed {
    /// The reason in a few words that any client may read: no path, and nothing that a plugin's author wrote. The full
    /// reason is the `Display` form, for the operator.
    #[must_use]
    pub fn brief(&self) -> &'static str {
        match self {
            Self::NotReviewed => "permissions not reviewed",
            Self::LockNotAccepted => "lock file not accepted by this user",
            Self::LockUnusable(_) => "lock file not usable",
            Self::AsksForMore(_) => "asks for more than was reviewed",
            Self::ComponentChanged => "component changed since it was reviewed",
            Self::ToolsChanged => "tools changed since they were reviewed",
            Self::InvalidManifest(_) => "manifest not valid",
            Self::NotBuilt => "not built from its source yet",
            Self::BeingLoaded => "still being loaded, its tools come by themselves",
            Self::InvalidComponent(_) => "component not valid",
            Self::NameTaken { .. } => "a tool's name is taken by another plugin",
            Self::Disabled => "turned off in toolcell.toml",
        }
    }

    /// The command that a person runs to mend it, or to see what has to be mended by hand. `None` where the operator
    /// wants it so, or nothing is wrong.
    #[must_use]
    pub fn mend(&self, plugin: &PluginName) -> Option<String> {
        match self {
            Self::NotReviewed | Self::AsksForMore(_) | Self::ComponentChanged | Self::ToolsChanged => {
                Some(format!("toolcell allow {plugin}"))
            }
            Self::LockNotAccepted => Some("toolcell allow".to_owned()),
            Self::NotBuilt => Some(format!("toolcell build {plugin}")),
            Self::LockUnusable(_) | Self::InvalidManifest(_) | Self::InvalidComponent(_) | Self::NameTaken { .. } => {
                Some(format!("toolcell check {plugin}"))
            }
            Self::BeingLoaded | Self::Disabled => None,
        }
    }

    /// What a person changes where no command can mend it.
    #[must_use]
    pub fn by_hand(&self, plugin: &PluginName) -> Option<String> {
        Some(match self {
            Self::LockUnusable(_) => {
                format!(
                    "put it right or restore it; if it is lost, remove it and review again: toolcell allow {plugin}"
                )
            }
            Self::InvalidManifest(_) => "change what the message names in plugin.toml".to_owned(),
            Self::InvalidComponent(_) => "build it again, or get another component from the plugin's author".to_owned(),
            Self::NameTaken { tool, .. } => {
                format!("in the plugin.toml of {plugin}, write under [tools]: rename = {{ {tool} = \"another-name\" }}")
            }
            Self::Disabled => format!("in toolcell.toml, remove `enabled = false` under [plugins.{plugin}]"),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str) -> PluginName {
        name.parse().expect("the test writes a name")
    }

    #[test]
    fn the_operator_reads_what_is_asked_and_the_client_does_not() {
        let network = ["https://b.example".parse().expect("the test writes a rule")].into();
        let refused = NotServed::AsksForMore(Box::new(Capabilities { network, ..Capabilities::default() }));
        assert_eq!(refused.to_string(), "asks for more than was reviewed: reach https://b.example");
        assert_eq!(refused.brief(), "asks for more than was reviewed");
        assert_eq!(refused.mend(&plugin("fetch")).as_deref(), Some("toolcell allow fetch"));
    }

    #[test]
    fn paths_stay_with_the_operator() {
        let refused = NotServed::InvalidManifest("plugins/x/plugin.toml:1:1: expected a key".to_owned());
        assert_eq!(refused.to_string(), "manifest not valid: plugins/x/plugin.toml:1:1: expected a key");
        assert_eq!(refused.brief(), "manifest not valid");
        assert_eq!(refused.mend(&plugin("x")).as_deref(), Some("toolcell check x"));
    }

    #[test]
    fn what_the_operator_turned_off_needs_no_mending() {
        assert_eq!(NotServed::Disabled.mend(&plugin("x")), None);
        assert_eq!(
            NotServed::Disabled.by_hand(&plugin("x")).as_deref(),
            Some("in toolcell.toml, remove `enabled = false` under [plugins.x]")
        );
        assert_eq!(NotServed::LockNotAccepted.mend(&plugin("x")).as_deref(), Some("toolcell allow"));
    }

    #[test]
    fn what_a_command_mends_is_not_mended_by_hand() {
        for reason in [NotServed::NotReviewed, NotServed::NotBuilt, NotServed::LockNotAccepted] {
            assert!(reason.mend(&plugin("x")).is_some() && reason.by_hand(&plugin("x")).is_none(), "{reason}");
        }
        assert_eq!(NotServed::NotBuilt.mend(&plugin("x")).as_deref(), Some("toolcell build x"));
    }
}
