//! Who is told of traces.

use std::collections::BTreeSet;

use super::NetworkRule;
use crate::receipt::Server;

/// The servers that are told of the trace that a request belongs to. The default tells nobody: the ids let a server see which
/// of its requests have one cause, and who else was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Propagate {
    /// None.
    #[default]
    ToNone,
    /// Those that a rule names.
    To(BTreeSet<NetworkRule>),
    /// Every server that a plugin may reach.
    ToAll,
}

impl Propagate {
    /// Whether this server is told.
    #[must_use]
    pub fn tells(&self, server: &Server) -> bool {
        match self {
            Self::ToNone => false,
            Self::To(rules) => rules.iter().any(|rule| rule.matches(server)),
            Self::ToAll => true,
        }
    }
}
