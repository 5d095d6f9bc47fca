//! A set of keys in which each key stays for a given time. Bounded: a key that finds no room is not
//! added. The engine keeps two of them: the keys that are [hit-for-miss](super::hit_for_miss), and
//! those whose handler failed a short while ago.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{clock::Clock, key::CacheKey, semantics::date::Monotonic};

/// How many keys a set holds at most.
const MAX_KEYS: usize = 4096;

/// A set of keys that expire.
#[derive(Debug)]
pub(crate) struct ExpiringKeys {
    clock: Clock,
    expiry: Mutex<Expiry>,
    /// How many keys there are. Mostly there are none, and then no lock is taken.
    count: AtomicUsize,
}

type Expiry = HashMap<CacheKey, Monotonic, ahash::RandomState>;

impl ExpiringKeys {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, expiry: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Adds a key for `span` from now on, or extends its stay.
    pub(crate) fn insert(&self, key: &CacheKey, span: Duration) {
        if span.is_zero() {
            return;
        }
        let now = self.clock.monotonic();
        self.change(|expiry| {
            if expiry.len() >= MAX_KEYS {
                expiry.retain(|_, end| now < *end);
            }
            if expiry.len() < MAX_KEYS || expiry.contains_key(key) {
                expiry.insert(key.clone(), now + span);
            }
        });
    }

    pub(crate) fn remove(&self, key: &CacheKey) {
        if !self.is_empty() {
            self.change(|expiry| expiry.remove(key));
        }
    }

    /// Whether the key is in the set and has not expired.
    pub(crate) fn contains(&self, key: &CacheKey) -> bool {
        !self.is_empty()
            && self.change(|expiry| {
                let found = expiry.get(key).is_some_and(|end| self.clock.monotonic() < *end);
                if !found {
                    expiry.remove(key);
                }
                found
            })
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn change<T>(&self, change: impl FnOnce(&mut Expiry) -> T) -> T {
        let mut expiry = self.expiry.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut expiry);
        self.count.store(expiry.len(), Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::KeyBuilder, semantics::date::Timestamp};

    const SPAN: Duration = Duration::from_secs(5);

    fn key(n: usize) -> CacheKey {
        KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
    }

    #[test]
    fn key_expires_or_is_removed() {
        let clock = Clock::manual();
        let keys = ExpiringKeys::new(clock.clone());
        keys.insert(&key(1), SPAN);
        keys.insert(&key(2), SPAN);
        keys.insert(&key(3), Duration::ZERO);
        keys.remove(&key(2));
        assert_eq!([1, 2, 3].map(|n| keys.contains(&key(n))), [true, false, false]);
        clock.advance(SPAN);
        assert!(!keys.contains(&key(1)));
        assert!(keys.is_empty(), "what has expired leaves nothing behind");
    }

    #[test]
    fn key_stays_its_span_when_the_wall_clock_is_set() {
        for to in [i64::MIN, 0, i64::MAX] {
            let clock = Clock::manual();
            let keys = ExpiringKeys::new(clock.clone());
            keys.insert(&key(1), SPAN);
            clock.set(Timestamp::from_millis(to));
            assert!(keys.contains(&key(1)));
            clock.advance(SPAN);
            assert!(!keys.contains(&key(1)));
        }
    }

    #[test]
    fn full_set_takes_new_keys_only_in_place_of_expired_ones() {
        let clock = Clock::manual();
        let keys = ExpiringKeys::new(clock.clone());
        for n in 0..=MAX_KEYS {
            keys.insert(&key(n), SPAN);
        }
        assert!(keys.contains(&key(0)) && !keys.contains(&key(MAX_KEYS)));
        clock.advance(SPAN);
        keys.insert(&key(MAX_KEYS), SPAN);
        assert!(keys.contains(&key(MAX_KEYS)));
    }
}
