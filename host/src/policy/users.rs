//! What toolcell.toml lets each user do. Nothing in it gives a plugin anything: it decides who may call which tools, and how
//! often.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU32,
    str::FromStr,
};

use super::PluginName;

/// The name of a user who calls from outside: 1 to 128 of ASCII letters, digits and `. _ - @ + : |`, the first a letter or a
/// digit. Mail addresses and the subjects of the usual issuers are such names; what forges a line of a log or leads to another
/// folder is not. Compared exactly; one name is one user, whichever way they prove it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// The name of whoever started the program, whom no transport can authenticate.
    pub const LOCAL: &'static str = "local";
    /// In toolcell.toml, everybody who has no table of their own.
    pub const OTHERS: &'static str = "*";
    /// Characters that a name has at most.
    pub const MAX: usize = 128;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The text cannot name a user. Does not hold the text, which a client may have sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserName {
    /// It has other characters, or too many of them.
    #[error(
        "a user's name is 1 to {} of letters, digits and `. _ - @ + : |`, the first a letter or a digit",
        UserName::MAX
    )]
    Form,
    /// It is the name of whoever started the program.
    #[error("the name `{}` is taken: it is whoever started the program", UserName::LOCAL)]
    Taken,
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let is_good = |c: u8| c.is_ascii_alphanumeric() || b"._-@+:|".contains(&c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || text.len() > Self::MAX || !text.bytes().all(is_good) {
            return Err(InvalidUserName::Form);
        }
        // What this user keeps belongs to the one at the machine alone.
        if text.eq_ignore_ascii_case(Self::LOCAL) {
            return Err(InvalidUserName::Taken);
        }
        Ok(Self(text.to_owned()))
    }
}

/// How often a user may call: so many calls in each stretch of time, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls in each period.
    pub calls: NonZeroU32,
    /// The stretch of time.
    pub period: Period,
    /// Calls that may come at once after a pause; they come back at the rate.
    pub burst: NonZeroU32,
}

/// A stretch of time that calls are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Period {
    const ALL: [(&'static str, Self); 3] = [("s", Self::Second), ("min", Self::Minute), ("h", Self::Hour)];

    fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        })
    }
}

impl Rate {
    /// Calls in a period, and calls at once, at most.
    const MOST: u32 = 1_000_000;

    /// The same rate with another number of calls at once.
    ///
    /// # Errors
    ///
    /// What was expected, where it is not from 1 to as many as come back within an hour: who was forgotten after that long
    /// has lost nothing.
    pub fn with_burst(self, burst: i64) -> Result<Self, String> {
        let an_hour = u64::from(self.calls.get()).saturating_mul(3600 / self.period.seconds());
        let most = u32::try_from(an_hour).unwrap_or(Self::MOST).min(Self::MOST);
        let burst = u32::try_from(burst).ok().filter(|burst| *burst <= most).and_then(NonZeroU32::new);
        let burst = burst.ok_or_else(|| format!("burst has to be a number from 1 to {most}, which come in an hour"))?;
        Ok(Self { burst, ..self })
    }
}

impl fmt::Display for Rate {
    /// In words, for an error: `60 calls a minute`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.calls.get() == 1 { "call" } else { "calls" };
        write!(f, "{} {calls} {} {}", self.calls, if self.period == Period::Hour { "an" } else { "a" }, self.period)
    }
}

/// The text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate; write 1 to {most} calls and /s, /min or /h, such as \"60/min\"", most = Rate::MOST)]
pub struct InvalidRate(String);

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let rate = || {
            let (calls, unit) = text.split_once('/')?;
            let is_number = calls.bytes().all(|byte| byte.is_ascii_digit());
            let calls = calls.parse().ok().filter(|calls: &NonZeroU32| is_number && calls.get() <= Self::MOST)?;
            let (_, period) = Period::ALL.into_iter().find(|(name, _)| *name == unit)?;
            Some(Self { calls, period, burst: calls })
        };
        rate().ok_or_else(|| InvalidRate(text.to_owned()))
    }
}

/// What one user may do. The default lets them call everything, without a limit of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPolicy {
    /// Whether the user is let in at all.
    pub enabled: bool,
    /// Where it is given, tools of other plugins do not exist for the user.
    pub plugins: Option<BTreeSet<PluginName>>,
    /// Where it is given, other tools do not exist for the user. By the names that clients see.
    pub tools: Option<BTreeSet<String>>,
    /// How often the user may call.
    pub rate: Option<Rate>,
    /// Calls of the user that may be under way at the same time.
    pub concurrency: Option<u32>,
}

impl Default for UserPolicy {
    fn default() -> Self {
        Self { enabled: true, plugins: None, tools: None, rate: None, concurrency: None }
    }
}

impl UserPolicy {
    /// Whether the tool of that name, which this plugin has, exists for the user. Where both lists are given, both have to
    /// allow it.
    #[must_use]
    pub fn may_call(&self, plugin: &str, tool: &str) -> bool {
        self.allows_plugin(plugin) && self.tools.as_ref().is_none_or(|tools| tools.contains(tool))
    }

    /// Whether the user may hear of a plugin whose tools are not known, such as one that is not served. One who may call single
    /// tools may not: whether the plugin has one of them cannot be told.
    #[must_use]
    pub fn may_hear_of(&self, plugin: &str) -> bool {
        self.allows_plugin(plugin) && self.tools.is_none()
    }

    fn allows_plugin(&self, plugin: &str) -> bool {
        self.plugins.as_ref().is_none_or(|plugins| plugins.contains(plugin))
    }
}

/// What every user may do: those that toolcell.toml names, and all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserPolicies {
    /// By name.
    pub named: BTreeMap<UserName, UserPolicy>,
    /// For everybody else.
    pub others: UserPolicy,
}

impl UserPolicies {
    /// What this user may do.
    #[must_use]
    pub fn of(&self, user: &UserName) -> &UserPolicy {
        self.named.get(user).unwrap_or(&self.others)
    }

    /// All policies, each with the name that toolcell.toml has for whom it is.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &UserPolicy)> {
        let named = self.named.iter().map(|(name, policy)| (name.as_str(), policy));
        named.chain([(UserName::OTHERS, &self.others)])
    }

    /// The lists of one kind, each with whose it is; of those that are also everybody else's only that one.
    pub fn lists<'a, T: PartialEq + 'a>(
        &'a self,
        of: impl Fn(&'a UserPolicy) -> Option<&'a T>,
    ) -> impl Iterator<Item = (&'a str, &'a T)> {
        let others = of(&self.others);
        let lists = self.iter().filter_map(move |(user, policy)| Some((user, of(policy)?)));
        lists.filter(move |(user, list)| *user == UserName::OTHERS || Some(*list) != others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Result<Rate, String> {
        text.parse().map_err(|error: InvalidRate| error.to_string())
    }

    #[test]
    fn names_of_users_are_plain() {
        for good in ["alice", "0", "Alice.B@example.com", "auth0|5f7c", "a+b:c_d-e", &"a".repeat(128)] {
            assert_eq!(good.parse().map(|name: UserName| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", "-a", "a b", "a\n", "a/b", "a\\b", "ä", "a\u{202e}", "a\"b", "*", &"a".repeat(129)]
        {
            assert_eq!(bad.parse::<UserName>(), Err(InvalidUserName::Form), "{bad:?}");
        }
        assert_eq!("local".parse::<UserName>(), Err(InvalidUserName::Taken));
        assert_eq!("Local".parse::<UserName>(), Err(InvalidUserName::Taken));
    }

    #[test]
    fn rates_are_read_with_their_burst() {
        let minute = rate("60/min").expect("it is a rate");
        assert_eq!((minute.calls.get(), minute.period, minute.burst.get()), (60, Period::Minute, 60));
        assert_eq!(minute.to_string(), "60 calls a minute");
        assert_eq!(rate("1/h").map(|rate| rate.to_string()), Ok("1 call an hour".to_owned()));
        assert_eq!(minute.with_burst(3600).map(|rate| rate.burst.get()), Ok(3600));
        assert_eq!(rate("5/s").and_then(|rate| rate.with_burst(18_000)).map(|rate| rate.burst.get()), Ok(18_000));
        for (text, burst, most) in [("60/min", 3601, 3600), ("60/min", 0, 3600), ("10/h", -1, 10), ("10/h", 11, 10)] {
            let error = format!("burst has to be a number from 1 to {most}, which come in an hour");
            assert_eq!(rate(text).and_then(|rate| rate.with_burst(burst)), Err(error));
        }
        for bad in ["", "60", "60/", "/min", "0/min", "-1/min", "+1/min", "1.5/s", "60/m", "60 /min", "1000001/h"] {
            let error =
                format!("{bad:?} is not a rate; write 1 to 1000000 calls and /s, /min or /h, such as \"60/min\"");
            assert_eq!(rate(bad), Err(error));
        }
    }

    #[test]
    fn a_tool_has_to_be_in_every_list_that_there_is() {
        let plugins = |names: &[&str]| Some(names.iter().map(|name| name.parse().expect("a name")).collect());
        let tools = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        let all = UserPolicy::default();
        assert!(all.may_call("text", "count") && all.may_hear_of("text"));
        let some = UserPolicy { plugins: plugins(&["text"]), ..UserPolicy::default() };
        assert!(some.may_call("text", "count") && some.may_hear_of("text"));
        assert!(!some.may_call("fetch", "count") && !some.may_hear_of("fetch"));
        let few = UserPolicy { tools: tools(&["count"]), ..UserPolicy::default() };
        assert!(few.may_call("text", "count") && !few.may_call("text", "lines") && !few.may_hear_of("text"));
        let both = UserPolicy { plugins: plugins(&["fetch"]), ..few };
        assert!(!both.may_call("text", "count") && both.may_call("fetch", "count"));
        let none = UserPolicy { plugins: plugins(&[]), ..UserPolicy::default() };
        assert!(!none.may_call("text", "count") && !none.may_hear_of("text"));
    }
}
