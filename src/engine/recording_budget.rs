//! Bounds the memory that recordings of streamed responses take together, over all requests of a
//! cache. Without that, many slow streams at a time could exhaust it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many bytes recordings have reserved together.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingBudget(Arc<AtomicUsize>);

impl RecordingBudget {
    /// A reservation of no bytes yet. It grows while all reservations together take at most
    /// `max_bytes`: clones of a cache may have different limits.
    pub(crate) fn reservation(&self, max_bytes: usize) -> Reservation {
        Reservation { budget: self.clone(), max_bytes, bytes: 0 }
    }

    /// How many bytes are reserved.
    pub(crate) fn reserved(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one recording takes of the budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: RecordingBudget,
    max_bytes: usize,
    bytes: usize,
}

impl Reservation {
    /// Reserves `more` bytes; `false` where the budget does not have them.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let (reserved, max) = (&self.budget.0, self.max_bytes);
        let grown = reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
            reserved.checked_add(more).filter(|reserved| *reserved <= max)
        });
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_bounded_together_and_given_back() {
        let budget = RecordingBudget::default();
        let (mut one, mut other) = (budget.reservation(10), budget.reservation(10));
        assert!(one.grow(6) && other.grow(4));
        assert!(!one.grow(1) && !other.grow(usize::MAX));
        assert_eq!(budget.reserved(), 10);
        drop(one);
        assert!(other.grow(6));
        drop(other);
        assert_eq!(budget.reserved(), 0);
    }
}
