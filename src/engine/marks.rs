//! Marks on keys that go by themselves: a key whose answers are not stored is not waited for, and a
//! key whose handler has failed is left alone, each for a while. Bounded: a mark that finds no room
//! is not made, which costs a wait or a try.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{clock::Clock, key::CacheKey, semantics::date::Monotonic};

/// How many keys may be marked at a time.
const MOST_MARKS: usize = 4096;

/// The marks of one kind.
#[derive(Debug)]
pub(crate) struct Marks {
    clock: Clock,
    until: Mutex<HashMap<CacheKey, Monotonic, ahash::RandomState>>,
    /// Mostly nothing is marked, and then nobody looks.
    count: AtomicUsize,
}

impl Marks {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, until: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Marks a key for a while.
    pub(crate) fn set(&self, key: &CacheKey, span: Duration) {
        if span.is_zero() {
            return;
        }
        let now = self.clock.monotonic();
        self.change(|until| {
            if until.len() >= MOST_MARKS {
                until.retain(|_, then| now < *then);
            }
            if until.len() < MOST_MARKS || until.contains_key(key) {
                until.insert(key.clone(), now + span);
            }
        });
    }

    /// Takes the mark away.
    pub(crate) fn clear(&self, key: &CacheKey) {
        if self.any() {
            self.change(|until| until.remove(key));
        }
    }

    /// Whether the key is marked.
    pub(crate) fn is_set(&self, key: &CacheKey) -> bool {
        self.any()
            && self.change(|until| {
                let is_set = until.get(key).is_some_and(|then| self.clock.monotonic() < *then);
                if !is_set {
                    until.remove(key);
                }
                is_set
            })
    }

    fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut HashMap<CacheKey, Monotonic, ahash::RandomState>) -> T,
    ) -> T {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut until);
        self.count.store(until.len(), Ordering::Relaxed);
        outcome
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
    fn a_mark_goes_by_itself_or_is_taken_away() {
        let clock = Clock::manual();
        let marks = Marks::new(clock.clone());
        marks.set(&key(1), SPAN);
        marks.set(&key(2), SPAN);
        marks.set(&key(3), Duration::ZERO);
        marks.clear(&key(2));
        assert_eq!([1, 2, 3].map(|n| marks.is_set(&key(n))), [true, false, false]);
        clock.advance(SPAN);
        assert!(!marks.is_set(&key(1)));
        assert!(!marks.any(), "and leaves nothing behind");
    }

    #[test]
    fn mark_lasts_its_span_when_the_wall_clock_is_set() {
        for to in [i64::MIN, 0, i64::MAX] {
            let clock = Clock::manual();
            let marks = Marks::new(clock.clone());
            marks.set(&key(1), SPAN);
            clock.set(Timestamp::from_millis(to));
            assert!(marks.is_set(&key(1)));
            clock.advance(SPAN);
            assert!(!marks.is_set(&key(1)));
        }
    }

    #[test]
    fn marks_are_bounded() {
        let clock = Clock::manual();
        let marks = Marks::new(clock.clone());
        for n in 0..=MOST_MARKS {
            marks.set(&key(n), SPAN);
        }
        assert!(marks.is_set(&key(0)) && !marks.is_set(&key(MOST_MARKS)));
        clock.advance(SPAN);
        marks.set(&key(MOST_MARKS), SPAN);
        assert!(marks.is_set(&key(MOST_MARKS)), "room is made of what is over");
    }
}
