//! How many bytes are allocated for recordings of streams at a time, over all requests of a cache.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The room for recordings.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Room>);

#[derive(Debug)]
struct Room {
    most: usize,
    taken: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Room { most, taken: AtomicUsize::new(0) }))
    }

    /// A share of nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { of: Arc::clone(&self.0), taken: 0 }
    }

    /// How many bytes are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }
}

/// What one recording takes of the room; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Room>,
    taken: usize,
}

impl Share {
    /// Takes `bytes` more; `false` where there is no room.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let grown = self.of.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(bytes).filter(|taken| *taken <= self.of.most)
        });
        if grown.is_ok() {
            self.taken += bytes;
        }
        grown.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_take_what_there_is_and_give_it_back() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow(6) && other.grow(4));
        assert!(!one.grow(1) && !other.grow(usize::MAX));
        assert_eq!(budget.taken(), 10);
        drop(one);
        assert!(other.grow(6));
        drop(other);
        assert_eq!(budget.taken(), 0);
    }
}
