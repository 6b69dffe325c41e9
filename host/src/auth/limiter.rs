//! How often one address may do what nobody needs to do often.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, Quota};

use super::Peer;

/// A budget for each address: some at once, and one more whenever a time has passed. Its memory is bounded.
#[derive(Debug)]
pub(super) struct Limiter {
    budgets: DefaultKeyedRateLimiter<Address>,
    swept: Mutex<Instant>,
}

/// Whom a budget is for. Networks give a whole /64 to one customer, who would otherwise have as many budgets as they
/// like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Address {
    Is(IpAddr),
    UnixSocket,
    /// All who come while there are too many to tell them apart.
    Other,
}

impl Limiter {
    /// Addresses that are told apart.
    const MOST: usize = 10_000;

    /// How often those are looked for that have their whole budget again.
    const SWEEP: Duration = Duration::from_secs(1);

    /// The period must not be zero.
    pub(super) fn new(at_once: NonZeroU32, every: Duration) -> Self {
        let quota = Quota::with_period(every).expect("a period that is not zero").allow_burst(at_once);
        Self { budgets: DefaultKeyedRateLimiter::keyed(quota), swept: Mutex::new(Instant::now()) }
    }

    /// Takes one from the budget; false where nothing is left.
    pub(super) fn take(&self, peer: Peer) -> bool {
        let address = if self.has_room() { address(peer) } else { Address::Other };
        self.budgets.check_key(&address).is_ok()
    }

    fn has_room(&self) -> bool {
        if self.budgets.len() < Self::MOST {
            return true;
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() >= Self::SWEEP {
            self.budgets.retain_recent();
            *swept = Instant::now();
        }
        self.budgets.len() < Self::MOST
    }
}

fn address(peer: Peer) -> Address {
    match peer {
        Peer::UnixSocket => Address::UnixSocket,
        Peer::Address(address) => Address::Is(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            IpAddr::V4(address) => address.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn limiter(at_once: u32) -> Limiter {
        Limiter::new(NonZeroU32::new(at_once).expect("it is not zero"), Duration::from_secs(3600))
    }

    fn peer(text: &str) -> Peer {
        Peer::Address(text.parse().expect("an address"))
    }

    #[test]
    fn each_address_has_a_budget_of_its_own() {
        let limiter = limiter(2);
        let taken = |peer| [limiter.take(peer), limiter.take(peer), limiter.take(peer)];
        assert_eq!(taken(peer("192.0.2.1")), [true, true, false]);
        assert_eq!(taken(peer("::ffff:192.0.2.1")), [false; 3], "it is the same address");
        assert_eq!(taken(peer("192.0.2.2")), [true, true, false]);
        assert_eq!(taken(peer("2001:db8::1")), [true, true, false]);
        assert_eq!(taken(peer("2001:db8::2")), [false; 3], "it is the same network");
        assert_eq!(taken(peer("2001:db8:0:1::1")), [true, true, false]);
        assert_eq!(taken(Peer::UnixSocket), [true, true, false]);
    }

    #[test]
    fn many_addresses_take_no_more_memory() {
        let limiter = limiter(1);
        for number in 0..30_000 {
            limiter.take(Peer::Address(Ipv4Addr::from_bits(number).into()));
        }
        // The one more is what all the others share.
        assert!(limiter.budgets.len() <= Limiter::MOST + 1, "{}", limiter.budgets.len());
        assert!(!limiter.take(peer("255.255.255.255")));
    }
}
