//! Bounds the memory that recordings of streamed responses take together, over all requests of a
//! cache. Without that, many slow streams at a time could exhaust it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many bytes recordings may take together.
#[derive(Clone, Debug)]
pub(crate) struct RecordingBudget(Arc<Bytes>);

#[derive(Debug)]
struct Bytes {
    max: usize,
    reserved: AtomicUsize,
}

impl RecordingBudget {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Bytes { max, reserved: AtomicUsize::new(0) }))
    }

    /// A reservation of no bytes yet.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }

    /// How many bytes are reserved.
    pub(crate) fn reserved(&self) -> usize {
        self.0.reserved.load(Ordering::Relaxed)
    }
}

/// What one recording takes of the budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: RecordingBudget,
    bytes: usize,
}

impl Reservation {
    /// Reserves `more` bytes; `false` where the budget does not have them.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let Bytes { max, reserved } = &*self.budget.0;
        let grown = reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
            reserved.checked_add(more).filter(|reserved| reserved <= max)
        });
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_bounded_together_and_given_back() {
        let budget = RecordingBudget::new(10);
        let (mut one, mut other) = (budget.reservation(), budget.reservation());
        assert!(one.grow(6) && other.grow(4));
        assert!(!one.grow(1) && !other.grow(usize::MAX));
        assert_eq!(budget.reserved(), 10);
        drop(one);
        assert!(other.grow(6));
        drop(other);
        assert_eq!(budget.reserved(), 0);
    }
}
