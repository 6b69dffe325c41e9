//! The users of a host: from a name that a transport has established to the one value that holds what the user may do and
//! how much of it they have done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    policy::{EnvName, InvalidUserName, UserName, UserPolicies, UserPolicy},
    user::{OwnValues, User},
};

mod values;

pub use values::{ValuesByUser, read_values};

/// Users without a table of their own that are remembered at once. Beyond, the one who called least recently is forgotten, and
/// may be counted anew.
const REMEMBERED: u64 = 10_000;
/// For how long such a user is remembered after their last call. By then, all calls that a rate allows at once have come back
/// (see [`crate::policy::Rate::with_burst`]), so that being forgotten changes nothing.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// The users of a host. The default lets in everybody, without limits.
#[derive(Debug)]
pub struct Users {
    named: HashMap<UserName, Result<Arc<User>, NotLetIn>>,
    policies: UserPolicies,
    /// The values of those who have no table of their own.
    others: Result<OwnValues, NotLetIn>,
    met: Cache<UserName, Arc<User>>,
}

/// Why somebody who proved who they are is not let in. For the log: a client is told that it is forbidden and no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLetIn {
    /// The name cannot be a user's.
    #[error("{0}")]
    Name(#[from] InvalidUserName),
    /// The operator shut them out.
    #[error("toolcell.toml shuts this user out (enabled = false)")]
    Disabled,
    /// The operator lets in only those who have a table of their own.
    #[error("toolcell.toml lets in only those whom it names, and this user has no table under [users]")]
    NotNamed,
    /// The values that the operator gave them cannot be read.
    #[error("{0}")]
    Values(String),
}

impl Users {
    /// The users that toolcell.toml describes. Whose values could not be read is not let in.
    #[must_use]
    pub fn new(policies: UserPolicies, values: &ValuesByUser) -> Self {
        // Who has no values in the file has those of everybody.
        let values = |name: &str| {
            let own = values.get(name).or_else(|| values.get(UserName::OTHERS)).cloned();
            own.unwrap_or_else(|| Ok(OwnValues::default())).map_err(NotLetIn::Values)
        };
        let user = |(name, policy): (&UserName, &UserPolicy)| {
            let user = if policy.enabled {
                let with = |values| Arc::new(User::with(name.as_str(), policy.clone(), values));
                values(name.as_str()).map(with)
            } else {
                Err(NotLetIn::Disabled)
            };
            (name.clone(), user)
        };
        let named = policies.named.iter().map(user).collect();
        let others = if policies.others.enabled { values(UserName::OTHERS) } else { Err(NotLetIn::NotNamed) };
        let met = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(FORGOTTEN_AFTER)
            .build();
        Self { named, policies, others, met }
    }

    /// What keeps users out, or from values that they were to have, and nobody decided: for the operator, when the host starts.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let not_let_in = |name: &str, problem: &NotLetIn| match problem {
            NotLetIn::Values(problem) => vec![format!("user {name} is not let in: {problem}")],
            _ => Vec::new(),
        };
        let unset = |name: &str, values: &OwnValues| {
            // Not the name of the host's variable: where somebody wrote the value in its place, that is a secret.
            let problem = |variable: &EnvName| {
                format!(
                    "user {name} has no value of {variable}: the variable that toolcell.toml names for it is not set"
                )
            };
            values.unset().map(problem).collect()
        };
        let named = self.named.iter().flat_map(|(name, user)| match user {
            Ok(user) => unset(name.as_str(), user.values()),
            Err(problem) => not_let_in(name.as_str(), problem),
        });
        let others = match &self.others {
            Ok(values) => unset(UserName::OTHERS, values),
            Err(problem) => not_let_in(UserName::OTHERS, problem),
        };
        let mut problems: Vec<_> = named.chain(others).collect();
        problems.sort();
        problems
    }

    /// The user of this name: the same value for every request, so that their limits are over all of them.
    ///
    /// # Errors
    ///
    /// Why somebody of this name is not let in.
    pub fn get(&self, name: &str) -> Result<Arc<User>, NotLetIn> {
        if let Some(user) = self.named.get(name) {
            return user.clone();
        }
        let values = self.others.as_ref().map_err(Clone::clone)?;
        if let Some(user) = self.met.get(name) {
            return Ok(user);
        }
        let name: UserName = name.parse()?;
        let new = || Arc::new(User::with(name.as_str(), self.policies.others.clone(), values.clone()));
        Ok(self.met.get_with_by_ref(&name, new))
    }
}

impl Default for Users {
    fn default() -> Self {
        Self::new(UserPolicies::default(), &ValuesByUser::new())
    }
}

#[cfg(test)]
mod tests;
