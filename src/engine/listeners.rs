//! The functions of the application that learn of events.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::event::{BreakerEvent, CacheEvent, EvictedEvent};
use crate::store::{Evictions, StoreHealth};

type Function = dyn Fn(&CacheEvent<'_>) + Send + Sync;

/// A function of the application that learns of events.
#[derive(Clone)]
pub(crate) struct Listener(Arc<ListenerInner>);

struct ListenerInner {
    function: Box<Function>,
    has_panicked: AtomicBool,
}

/// The functions of all clones of a cache that serve requests.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: RwLock<Vec<Listener>>,
    /// Whether there is any.
    any: AtomicBool,
    reported: Mutex<Reported>,
}

/// What has been reported of the store so far.
#[derive(Debug, Default)]
struct Reported {
    evicted: EvictedEvent,
    outages: u64,
    is_open: bool,
}

impl Listener {
    pub(crate) fn new(function: impl Fn(&CacheEvent<'_>) + Send + Sync + 'static) -> Self {
        let (function, has_panicked) = (Box::new(function), AtomicBool::new(false));
        Self(Arc::new(ListenerInner { function, has_panicked }))
    }

    /// Reports an event. A panic of the function disturbs no request; the first one is logged.
    pub(crate) fn report(&self, event: &CacheEvent<'_>) {
        let ListenerInner { function, has_panicked } = &*self.0;
        let outcome = catch_unwind(AssertUnwindSafe(|| function(event)));
        if outcome.is_err() && !has_panicked.swap(true, Ordering::Relaxed) {
            let event = event.as_str();
            tracing::warn!(event, "a function for events of the response cache panicked");
        }
    }
}

impl Listeners {
    /// Adds a function, once for all workers that have it.
    pub(crate) fn add(&self, listener: &Listener) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|known| Arc::ptr_eq(&known.0, &listener.0)) {
            all.push(listener.clone());
            self.any.store(true, Ordering::Relaxed);
        }
    }

    /// Reports an event to all of them.
    pub(super) fn report<'e>(&self, event: impl FnOnce() -> CacheEvent<'e>) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        // a function may make another clone, which adds its own
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner).clone();
        let event = event();
        for listener in all {
            listener.report(&event);
        }
    }

    /// Reports what has changed of the store since the last time.
    pub(super) fn report_changes(&self, health: impl FnOnce() -> StoreHealth) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let health = health();
        let events = {
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            let evicted = health.evictions.as_ref().and_then(|now| reported.evicted_until(now));
            let breaker = health
                .redis
                .as_ref()
                .map(|redis| reported.breaker_until(redis.outages, redis.is_away));
            let breaker = breaker.unwrap_or_default().into_iter().map(CacheEvent::Breaker);
            evicted.map(CacheEvent::Evicted).into_iter().chain(breaker).collect::<Vec<_>>()
        };
        for event in events {
            self.report(|| event);
        }
    }
}

impl Reported {
    fn evicted_until(&mut self, now: &Evictions) -> Option<EvictedEvent> {
        let Evictions { for_room, expired, purged, replaced, .. } = *now;
        let total = EvictedEvent { for_room, expired, purged, replaced };
        let last = std::mem::replace(&mut self.evicted, total);
        let new = EvictedEvent {
            for_room: for_room.saturating_sub(last.for_room),
            expired: expired.saturating_sub(last.expired),
            purged: purged.saturating_sub(last.purged),
            replaced: replaced.saturating_sub(last.replaced),
        };
        (new != EvictedEvent::default()).then_some(new)
    }

    /// The changes of the breaker, each of them, though it may have changed often meanwhile.
    fn breaker_until(&mut self, outages: u64, is_open: bool) -> Vec<BreakerEvent> {
        let mut changes = Vec::new();
        let mut change = |is_now: &mut bool, open| {
            if *is_now != open {
                *is_now = open;
                changes.push(BreakerEvent { open });
            }
        };
        let new = outages.saturating_sub(self.outages);
        self.outages = outages;
        for _ in 0..new {
            change(&mut self.is_open, false);
            change(&mut self.is_open, true);
        }
        change(&mut self.is_open, is_open);
        changes
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaker_that_changes_often_is_reported_as_often() {
        let mut reported = Reported::default();
        let mut until = |outages, is_open| -> Vec<bool> {
            let changes = reported.breaker_until(outages, is_open);
            changes.into_iter().map(|change| change.open).collect()
        };
        assert_eq!(until(0, false), [false; 0]);
        assert_eq!(until(1, true), [true]);
        assert_eq!(until(1, true), [false; 0]);
        assert_eq!(until(2, true), [false, true]);
        assert_eq!(until(4, false), [false, true, false, true, false]);
    }

    #[test]
    fn evictions_are_reported_once() {
        let mut reported = Reported::default();
        let evictions = |for_room| Evictions { for_room, ..Evictions::default() };
        let mut until =
            |for_room| reported.evicted_until(&evictions(for_room)).map(|evicted| evicted.for_room);
        assert_eq!([until(0), until(3), until(3), until(5)], [None, Some(3), None, Some(2)]);
    }
}
