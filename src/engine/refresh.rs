//! Which keys are being refreshed behind answers, over all workers: one refresh per key at a time,
//! and a pause after one that failed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, key::CacheKey, semantics::date::Timestamp};

/// How many refreshes may be known of at a time; past that, stale responses are served unrefreshed.
const MOST_REFRESHES: usize = 4096;
/// How long a refresh keeps another one of the same key from beginning.
const LONGEST_RUN: Duration = Duration::from_secs(30);
/// How long a key is left alone after a refresh that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The refreshes of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Refreshes {
    clock: Clock,
    keys: Arc<Mutex<HashMap<CacheKey, State, ahash::RandomState>>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// By then it no longer keeps another one from beginning: it waits for its client to have read
    /// the answer, which the client may never do.
    RunningUntil(Timestamp),
    /// The last refresh failed; none before then.
    PausedUntil(Timestamp),
}

impl State {
    /// From when on another refresh may begin.
    fn end(self) -> Timestamp {
        let (Self::RunningUntil(end) | Self::PausedUntil(end)) = self;
        end
    }
}

impl Refreshes {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, keys: Arc::default() }
    }

    /// Begins a refresh, unless one is running or has just failed.
    pub(crate) fn begin(&self, key: &CacheKey) -> Option<Refresh> {
        let now = self.clock.now();
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get(key) {
            Some(State::RunningUntil(then) | State::PausedUntil(then)) if now < *then => {
                return None;
            }
            _ => {}
        }
        if keys.len() >= MOST_REFRESHES {
            keys.retain(|_, state| now < state.end());
        }
        if keys.len() >= MOST_REFRESHES {
            return None;
        }
        keys.insert(key.clone(), State::RunningUntil(now + LONGEST_RUN));
        Some(Refresh { of: self.clone(), key: key.clone(), succeeded: false })
    }

    /// How many refreshes are running.
    #[cfg(test)]
    fn running(&self) -> usize {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values().filter(|state| matches!(state, State::RunningUntil(_))).count()
    }
}

/// A refresh that is running. Dropped before it succeeded, it has failed.
#[derive(Debug)]
pub(crate) struct Refresh {
    of: Refreshes,
    key: CacheKey,
    succeeded: bool,
}

impl Refresh {
    pub(crate) fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        let mut keys = self.of.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if self.succeeded {
            keys.remove(&self.key);
        } else {
            let then = self.of.clock.now() + PAUSE;
            keys.insert(self.key.clone(), State::PausedUntil(then));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyBuilder;

    fn key(n: usize) -> CacheKey {
        KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
    }

    #[test]
    fn one_at_a_time_and_a_pause_after_a_failure() {
        let clock = Clock::manual();
        let refreshes = Refreshes::new(clock.clone());
        let first = refreshes.begin(&key(1)).unwrap();
        assert!(refreshes.begin(&key(1)).is_none());
        assert!(refreshes.begin(&key(2)).is_some());
        first.succeed();
        drop(refreshes.begin(&key(1)).unwrap());
        assert!(refreshes.begin(&key(1)).is_none(), "it has failed");
        clock.advance(PAUSE);
        assert!(refreshes.begin(&key(1)).is_some());
        assert_eq!(refreshes.running(), 0);
    }

    #[test]
    fn a_client_that_does_not_read_its_answer_holds_nobody_up() {
        let clock = Clock::manual();
        let refreshes = Refreshes::new(clock.clone());
        let _held = refreshes.begin(&key(1)).unwrap();
        clock.advance(Duration::from_secs(29));
        assert!(refreshes.begin(&key(1)).is_none());
        clock.advance(Duration::from_secs(1));
        assert!(refreshes.begin(&key(1)).is_some());
    }

    #[test]
    fn what_is_known_is_bounded() {
        let clock = Clock::manual();
        let refreshes = Refreshes::new(clock.clone());
        let running: Vec<_> =
            (0..MOST_REFRESHES).filter_map(|n| refreshes.begin(&key(n))).collect();
        assert_eq!(running.len(), MOST_REFRESHES);
        assert!(refreshes.begin(&key(MOST_REFRESHES)).is_none());
        drop(running);
        assert!(refreshes.begin(&key(MOST_REFRESHES)).is_none(), "all are paused");
        clock.advance(PAUSE);
        assert!(refreshes.begin(&key(MOST_REFRESHES)).is_some());
    }
}
