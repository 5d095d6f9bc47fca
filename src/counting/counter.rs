//! Counters: one for many threads, and a cheaper one for a single thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that any thread adds to.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

impl SharedCounter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter that one thread adds to, and any thread reads: adding is no more than a load and a store.
#[derive(Debug, Default)]
pub(crate) struct OwnCounter(AtomicU64);

impl OwnCounter {
    /// To be called by one thread only: what two threads add at a time may be lost.
    pub(crate) fn add(&self, count: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(sum, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted_together() {
        let counter = SharedCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counter.add(2)));
            }
        });
        assert_eq!(counter.get(), 8000);
    }

    #[test]
    fn own_counter_is_read_by_other_threads() {
        let counter = OwnCounter::default();
        (0..10).for_each(|count| counter.add(count));
        assert_eq!(std::thread::scope(|scope| scope.spawn(|| counter.get()).join()).unwrap(), 45);
    }
}
