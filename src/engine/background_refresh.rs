//! Which keys are being refreshed in the background, after a stale response was served (RFC 5861
//! s.3): one refresh per key at a time over all workers, and none for a while after the handler has
//! failed. Without that, each request for a stale response would call the handler.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::expiring_keys::ExpiringKeys;
use crate::{clock::Clock, key::CacheKey, semantics::date::Monotonic};

/// How many refreshes run at a time at most; past that, stale responses are served and not refreshed.
const MAX_REFRESHES: usize = 4096;
/// How long a refresh keeps another one of the same key from beginning. It begins when its client has
/// read the stale response, which the client may never do.
const MAX_DURATION: Duration = Duration::from_secs(30);

/// The refreshes of one cache.
#[derive(Clone, Debug)]
pub(crate) struct BackgroundRefreshes {
    clock: Clock,
    failing_handlers: Arc<ExpiringKeys>,
    running: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// The refreshes that are running: which one, and until when it keeps others from beginning.
    keys: HashMap<CacheKey, (u64, Monotonic), ahash::RandomState>,
    /// How many have begun so far.
    begun: u64,
}

impl BackgroundRefreshes {
    pub(crate) fn new(clock: Clock, failing_handlers: Arc<ExpiringKeys>) -> Self {
        Self { clock, failing_handlers, running: Arc::default() }
    }

    /// Begins a refresh, unless one is running or the handler has just failed. If this one fails, the
    /// next begins after `backoff` at the earliest.
    pub(crate) fn begin(&self, key: &CacheKey, backoff: Duration) -> Option<RunningRefresh> {
        if self.failing_handlers.contains(key) {
            return None;
        }
        let now = self.clock.monotonic();
        let mut table = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if table.keys.get(key).is_some_and(|(_, end)| now < *end) {
            return None;
        }
        if table.keys.len() >= MAX_REFRESHES {
            table.keys.retain(|_, (_, end)| now < *end);
        }
        if table.keys.len() >= MAX_REFRESHES {
            return None;
        }
        table.begun += 1;
        let number = table.begun;
        table.keys.insert(key.clone(), (number, now + MAX_DURATION));
        let (refreshes, key) = (self.clone(), key.clone());
        Some(RunningRefresh { refreshes, key, number, backoff, succeeded: false })
    }

    /// How many refreshes are running.
    pub(crate) fn len(&self) -> usize {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }
}

/// A refresh that is running. If it is dropped without [`succeed`](Self::succeed), it has failed.
#[derive(Debug)]
pub(crate) struct RunningRefresh {
    refreshes: BackgroundRefreshes,
    key: CacheKey,
    number: u64,
    backoff: Duration,
    succeeded: bool,
}

impl RunningRefresh {
    pub(crate) fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for RunningRefresh {
    fn drop(&mut self) {
        if !self.succeeded {
            self.refreshes.failing_handlers.insert(&self.key, self.backoff);
        }
        let mut table = self.refreshes.running.lock().unwrap_or_else(PoisonError::into_inner);
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

    const BACKOFF: Duration = Duration::from_secs(1);

    fn key(n: usize) -> CacheKey {
        KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
    }

    fn refreshes(clock: &Clock) -> BackgroundRefreshes {
        BackgroundRefreshes::new(clock.clone(), Arc::new(ExpiringKeys::new(clock.clone())))
    }

    #[test]
    fn one_refresh_runs_at_a_time_and_none_soon_after_a_failure() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let begin = |n| refreshes.begin(&key(n), BACKOFF);
        let first = begin(1).unwrap();
        assert!(begin(1).is_none());
        assert!(begin(2).is_some());
        first.succeed();
        drop(begin(1).unwrap());
        assert!(begin(1).is_none(), "it has failed");
        clock.advance(BACKOFF);
        assert!(begin(1).is_some());
        assert_eq!(refreshes.len(), 0);
    }

    #[test]
    fn unread_response_blocks_refreshes_for_a_bounded_time() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let held = refreshes.begin(&key(1), BACKOFF).unwrap();
        clock.advance(Duration::from_secs(29));
        assert!(refreshes.begin(&key(1), BACKOFF).is_none());
        clock.advance(Duration::from_secs(1));
        let second = refreshes.begin(&key(1), BACKOFF).unwrap();
        held.succeed();
        assert!(refreshes.begin(&key(1), BACKOFF).is_none(), "the second is still running");
        second.succeed();
        assert_eq!(refreshes.len(), 0);
    }

    #[test]
    fn unread_response_blocks_refreshes_for_the_same_time_when_the_wall_clock_is_set() {
        for to in [i64::MIN, i64::MAX] {
            let clock = Clock::manual();
            let refreshes = refreshes(&clock);
            let _held = refreshes.begin(&key(1), BACKOFF).unwrap();
            clock.set(Timestamp::from_millis(to));
            assert!(refreshes.begin(&key(1), BACKOFF).is_none());
            clock.advance(MAX_DURATION);
            assert!(refreshes.begin(&key(1), BACKOFF).is_some());
        }
    }

    #[test]
    fn number_of_running_refreshes_is_bounded() {
        let clock = Clock::manual();
        let refreshes = refreshes(&clock);
        let begin = |n| refreshes.begin(&key(n), BACKOFF);
        let running: Vec<_> = (0..MAX_REFRESHES).filter_map(begin).collect();
        assert_eq!(running.len(), MAX_REFRESHES);
        assert!(begin(MAX_REFRESHES).is_none());
        clock.advance(MAX_DURATION);
        assert!(begin(MAX_REFRESHES).is_some(), "room is made of those that take too long");
    }
}
