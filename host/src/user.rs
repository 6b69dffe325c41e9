//! Who calls, and what belongs to one user alone: values of their own, and how often they may call.

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroU32,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use crate::{
    env_file::EnvFile,
    failure::{Failure, Full},
    policy::{EnvName, Period, Rate, UserName, UserPolicy},
};

/// Who is calling, as the transport has established it. What belongs to one user alone is kept by this name; the limits are
/// those of one value, which [`Users`](crate::users::Users) therefore gives to every request of the same user.
pub struct User {
    name: Arc<str>,
    policy: UserPolicy,
    values: OwnValues,
    rate: Option<DefaultDirectRateLimiter>,
    under_way: Option<UnderWay>,
}

/// A user's own values of variables that plugins were granted; `None` for a variable that the user was to have a value of and
/// has none. They are secrets, and never formatted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OwnValues(BTreeMap<EnvName, Option<String>>);

impl OwnValues {
    /// These values, and of the others those of further variables.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (variable, value) in others.0 {
            self.0.entry(variable).or_insert(value);
        }
        self
    }

    /// The variables that the user was to have a value of and has none.
    pub fn unset(&self) -> impl Iterator<Item = &EnvName> {
        self.0.iter().filter(|(_, value)| value.is_none()).map(|(variable, _)| variable)
    }
}

impl FromIterator<(EnvName, Option<String>)> for OwnValues {
    fn from_iter<I: IntoIterator<Item = (EnvName, Option<String>)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl From<EnvFile> for OwnValues {
    fn from(file: EnvFile) -> Self {
        file.into_iter().map(|(variable, value)| (variable, Some(value))).collect()
    }
}

/// The names alone.
impl fmt::Debug for OwnValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl User {
    /// The one who started the program: over stdio and on the command line nobody else can call.
    pub const LOCAL: &'static str = UserName::LOCAL;

    /// The user of this name, with values of their own for variables that plugins were granted, who may call everything.
    #[must_use]
    pub fn new(name: &str, values: EnvFile) -> Self {
        Self::with(name, UserPolicy::default(), values.into())
    }

    /// The user of this name, who may do what the policy says.
    #[must_use]
    pub fn with(name: &str, policy: UserPolicy, values: OwnValues) -> Self {
        Self {
            name: name.into(),
            rate: policy.rate.map(|rate| RateLimiter::direct(quota(rate))),
            under_way: policy.concurrency.map(UnderWay::new),
            policy,
            values,
        }
    }

    /// Whoever started the program.
    #[must_use]
    pub fn local() -> Arc<Self> {
        static LOCAL: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(User::new(User::LOCAL, EnvFile::default())));
        Arc::clone(&LOCAL)
    }

    /// The name, as tokens, gateways and toolcell.toml write it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is whoever started the program.
    #[must_use]
    pub fn is_local(&self) -> bool {
        &*self.name == Self::LOCAL
    }

    /// What the user may do.
    #[must_use]
    pub fn policy(&self) -> &UserPolicy {
        &self.policy
    }

    /// The user's own value of a variable, which comes before the host's.
    #[must_use]
    pub fn value(&self, variable: &EnvName) -> Option<&str> {
        self.value_or(variable, None)
    }

    /// The value of a variable for this user: their own or else the host's. Not the host's either where the user was to have
    /// one of their own and has none: nobody meant them to act with the credentials of others.
    #[must_use]
    pub fn value_or<'a>(&'a self, variable: &EnvName, host: Option<&'a str>) -> Option<&'a str> {
        self.values.0.get(variable).map_or(host, Option::as_deref)
    }

    /// The user's own values.
    pub(crate) fn values(&self) -> &OwnValues {
        &self.values
    }

    /// Whether the user was to have a value of their own for one of these variables.
    pub(crate) fn has_own<'a>(&self, mut variables: impl Iterator<Item = &'a EnvName>) -> bool {
        !self.values.0.is_empty() && variables.any(|variable| self.values.0.contains_key(variable))
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// Counts a call that has come, where calls of the user are counted.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`] where the user calls more often than they may, with the time until the next call is let in. A
    /// refused call does not count.
    pub(crate) fn count_call(&self) -> Result<(), Failure> {
        let (Some(limiter), Some(rate)) = (&self.rate, self.policy.rate) else { return Ok(()) };
        limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            // In whole seconds, rounded up: whoever comes as told is let in.
            Failure::Busy { full: Full::Rate(rate), retry_after: Duration::from_secs(wait.as_secs() + 1) }
        })
    }

    /// Waits until another call of the user may be under way, for half of the call's time at most: after that, it would hardly
    /// end by its deadline. The call is under way for as long as it holds what comes back.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`]: at once where as many calls of the user wait as may, or when the wait was too long.
    pub(crate) async fn begin_call(&self, arrival: Instant, limit: Duration) -> Result<Begun, Failure> {
        match &self.under_way {
            Some(under_way) => under_way.wait(arrival + limit / 2).await.map(|permit| Begun { _permit: Some(permit) }),
            None => Ok(Begun { _permit: None }),
        }
    }
}

/// The name alone: the values are secrets.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("User").field(&self.name).finish()
    }
}

/// A call of a user that is under way, and counts as such until this is dropped.
#[derive(Debug)]
pub(crate) struct Begun {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The calls of one user that are under way or wait to be.
struct UnderWay {
    most: u32,
    free: Arc<Semaphore>,
    waiting: AtomicU32,
}

impl UnderWay {
    /// Calls that may wait for each that may be under way.
    const WAITING: u32 = 16;
    /// When there may be room again: when another call has ended, and nobody knows when that is.
    const RETRY: Duration = Duration::from_secs(1);

    fn new(most: u32) -> Self {
        Self { most, free: Arc::new(Semaphore::new(most as usize)), waiting: AtomicU32::new(0) }
    }

    async fn wait(&self, until: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(permit);
        }
        let busy = || Failure::Busy { full: Full::Calls(self.most), retry_after: Self::RETRY };
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _leaves = Leaves(&self.waiting);
        if ahead >= self.most.saturating_mul(Self::WAITING) {
            return Err(busy());
        }
        let permit = timeout_at(until.into(), Arc::clone(&self.free).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

/// One call less waits when it is dropped.
struct Leaves<'a>(&'a AtomicU32);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn quota(rate: Rate) -> Quota {
    let of = |calls: NonZeroU32| match rate.period {
        Period::Second => Quota::per_second(calls),
        Period::Minute => Quota::per_minute(calls),
        Period::Hour => Quota::per_hour(calls),
    };
    of(rate.calls).allow_burst(rate.burst)
}

#[cfg(test)]
mod tests;
