//! Wrong tokens, by the address that they come from: each one after the third waits longer for its
//! response. The right token never waits, or a stranger behind the same proxy could lock operators out.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::semantics::date::Monotonic;

/// How many addresses are kept; more, and the one that was silent for longest is forgotten.
const MAX_ADDRESSES: usize = 1024;
/// How many responses wait at a time; further wrong tokens are refused at once.
const MAX_WAITING: usize = 64;
/// How many wrong tokens of an address are answered at once.
const FREE: u32 = 3;
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);
/// After this time without a wrong token, an address begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct WrongTokens {
    addresses: Mutex<HashMap<Option<IpAddr>, Wrong>>,
    waiting: Arc<Semaphore>,
    all: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    count: u32,
    last: Monotonic,
}

/// How a wrong token is answered.
#[derive(Debug)]
pub(super) enum Delay {
    None,
    /// After this time; the permit is held until then.
    For(Duration, OwnedSemaphorePermit),
    /// At once, and with the advice not to come back before this time.
    TooMany(Duration),
}

impl Default for WrongTokens {
    fn default() -> Self {
        Self {
            addresses: Mutex::default(),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            all: AtomicU64::new(0),
        }
    }
}

impl WrongTokens {
    /// Counts a wrong token.
    pub(super) fn add(&self, address: Option<IpAddr>, now: Monotonic) -> Delay {
        self.all.fetch_add(1, Ordering::Relaxed);
        let count = self.count(address.map(network), now);
        let Some(step) = count.checked_sub(FREE + 1) else { return Delay::None };
        let delay = SHORTEST.saturating_mul(1 << step.min(8)).min(LONGEST);
        match Arc::clone(&self.waiting).try_acquire_owned() {
            Ok(permit) => Delay::For(delay, permit),
            Err(_) => Delay::TooMany(delay),
        }
    }

    /// How many wrong tokens there were.
    pub(super) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    fn count(&self, address: Option<IpAddr>, now: Monotonic) -> u32 {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if !addresses.contains_key(&address) && addresses.len() >= MAX_ADDRESSES {
            let silent = addresses.iter().max_by_key(|(_, wrong)| now.since(wrong.last));
            let silent = silent.map(|(address, _)| *address);
            silent.and_then(|address| addresses.remove(&address));
        }
        let wrong = addresses.entry(address).or_insert(Wrong { count: 0, last: now });
        if now.since(wrong.last) >= FORGOTTEN_AFTER {
            wrong.count = 0;
        }
        *wrong = Wrong { count: wrong.count.saturating_add(1), last: now };
        wrong.count
    }
}

/// An IPv6 host has a whole /64 to choose its address from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as it is used")]
    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    const fn at(millis: i64) -> Monotonic {
        Monotonic::from_millis(millis)
    }

    fn millis(delay: &Delay) -> u128 {
        match delay {
            Delay::None => 0,
            Delay::For(time, _) | Delay::TooMany(time) => time.as_millis(),
        }
    }

    #[test]
    fn delay_doubles_from_the_fourth_wrong_token_on() {
        let wrong = WrongTokens::default();
        let delays: Vec<_> = (0..11).map(|_| millis(&wrong.add(address(1), at(0)))).collect();
        assert_eq!(delays, [0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(millis(&wrong.add(address(2), at(0))), 0, "another address");
        assert_eq!(millis(&wrong.add(address(1), at(600_000))), 0, "ten minutes later");
        assert_eq!(wrong.all(), 13);
    }

    #[test]
    fn no_more_than_64_wait_at_a_time() {
        let wrong = WrongTokens::default();
        let delays: Vec<_> = (0..70).map(|_| wrong.add(address(1), at(0))).collect();
        let waiting = delays.iter().filter(|delay| matches!(delay, Delay::For(..))).count();
        assert_eq!((waiting, matches!(delays[69], Delay::TooMany(_))), (64, true));
        drop(delays);
        assert!(matches!(wrong.add(address(1), at(0)), Delay::For(..)));
    }

    #[test]
    fn addresses_are_bounded_and_the_silent_ones_go_first() {
        let wrong = WrongTokens::default();
        for number in 0..2000 {
            for _ in 0..4 {
                wrong.add(address(number), at(number.into()));
            }
        }
        assert_eq!(wrong.addresses.lock().unwrap().len(), MAX_ADDRESSES);
        assert_eq!(millis(&wrong.add(address(1999), at(2000))), 500);
        assert_eq!(millis(&wrong.add(address(0), at(2000))), 0);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let wrong = WrongTokens::default();
        let delays = (0..4_u128).map(|host| {
            let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) + host);
            millis(&wrong.add(Some(address.into()), at(0)))
        });
        assert_eq!(delays.collect::<Vec<_>>(), [0, 0, 0, 250]);
    }
}
