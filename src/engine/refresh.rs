//! Which keys are being refreshed behind answers, over all workers: one refresh per key at a time,
//! and none while the key's handler is left alone after a failure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::marks::Marks;
use crate::{clock::Clock, key::CacheKey, semantics::date::Monotonic};

/// How many refreshes may be known of at a time; past that, stale responses are served unrefreshed.
const MOST_REFRESHES: usize = 4096;
/// How long a refresh keeps another one of the same key from beginning: it waits for its client to
/// have read the answer, which the client may never do.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// The refreshes of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Refreshes {
    clock: Clock,
    failing: Arc<Marks>,
    running: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// The refreshes that are running: which one, and until when it keeps others from beginning.
    keys: HashMap<CacheKey, (u64, Monotonic), ahash::RandomState>,
    begun: u64,
}

impl Refreshes {
    pub(crate) fn new(clock: Clock, failing: Arc<Marks>) -> Self {
        Self { clock, failing, running: Arc::default() }
    }

    /// Begins a refresh, unless one is running or the handler has just failed. After a failure it is
    /// left alone for `pause`.
    pub(crate) fn begin(&self, key: &CacheKey, pause: Duration) -> Option<Refresh> {
        if self.failing.is_set(key) {
            return None;
        }
        let now = self.clock.monotonic();
        let mut table = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if table.keys.get(key).is_some_and(|(_, end)| now < *end) {
            return None;
        }
        if table.keys.len() >= MOST_REFRESHES {
            table.keys.retain(|_, (_, end)| now < *end);
        }
        if table.keys.len() >= MOST_REFRESHES {
            return None;
        }
        table.begun += 1;
        let number = table.begun;
        table.keys.insert(key.clone(), (number, now + LONGEST_RUN));
        Some(Refresh { of: self.clone(), key: key.clone(), number, pause, succeeded: false })
    }

    /// How many refreshes are running.
    pub(crate) fn len(&self) -> usize {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }
}

/// A refresh that is running. Dropped before it succeeded, it has failed.
#[derive(Debug)]
pub(crate) struct Refresh {
    of: Refreshes,
    key: CacheKey,
    number: u64,
    pause: Duration,
    succeeded: bool,
}

impl Refresh {
    pub(crate) fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        if !self.succeeded {
            self.of.failing.set(&self.key, self.pause);
        }
        let mut table = self.of.running.lock().unwrap_or_else(PoisonError::into_inner);
        // another one may have begun in the meantime
        if table.keys.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            table.keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::KeyBuilder, semantics::date::Timestamp};

    const PAUSE: Duration = Duration::from_secs(1);

    fn key(n: usize) -> CacheKey {
        KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
    }

    fn refreshes(clock: &Clock) -> Refreshes {
        Refreshes::new(clock.clone(), Arc::new(Marks::new(clock.clone())))
    }

    #[test]
    fn one_at_a_time_and_a_pause_after_a_failure() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let begin = |n| refreshes.begin(&key(n), PAUSE);
        let first = begin(1).unwrap();
        assert!(begin(1).is_none());
        assert!(begin(2).is_some());
        first.succeed();
        drop(begin(1).unwrap());
        assert!(begin(1).is_none(), "it has failed");
        clock.advance(PAUSE);
        assert!(begin(1).is_some());
        assert_eq!(refreshes.len(), 0);
    }

    #[test]
    fn a_client_that_does_not_read_its_answer_holds_nobody_up() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let held = refreshes.begin(&key(1), PAUSE).unwrap();
        clock.advance(Duration::from_secs(29));
        assert!(refreshes.begin(&key(1), PAUSE).is_none());
        clock.advance(Duration::from_secs(1));
        let second = refreshes.begin(&key(1), PAUSE).unwrap();
        held.succeed();
        assert!(refreshes.begin(&key(1), PAUSE).is_none(), "the second is still running");
        second.succeed();
        assert_eq!(refreshes.len(), 0);
    }

    #[test]
    fn unread_answer_blocks_refreshes_for_the_same_time_when_the_wall_clock_is_set() {
        for to in [i64::MIN, i64::MAX] {
            let clock = Clock::manual();
            let refreshes = refreshes(&clock);
            let _held = refreshes.begin(&key(1), PAUSE).unwrap();
            clock.set(Timestamp::from_millis(to));
            assert!(refreshes.begin(&key(1), PAUSE).is_none());
            clock.advance(LONGEST_RUN);
            assert!(refreshes.begin(&key(1), PAUSE).is_some());
        }
    }

    #[test]
    fn what_is_known_is_bounded() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let begin = |n| refreshes.begin(&key(n), PAUSE);
        let running: Vec<_> = (0..MOST_REFRESHES).filter_map(begin).collect();
        assert_eq!(running.len(), MOST_REFRESHES);
        assert!(begin(MOST_REFRESHES).is_none());
        clock.advance(LONGEST_RUN);
        assert!(begin(MOST_REFRESHES).is_some(), "room is made of those that take too long");
    }
}
