//! What purges have left to be removed behind them: one sweep at a time, however many purges come.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::sweep::Sweep;

/// How many sweeps wait; more become one of everything.
const MAX_SWEEPS: usize = 256;

/// The sweeps that are still to be done.
#[derive(Debug, Default)]
pub(super) struct Reclaims(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    sweeps: VecDeque<Sweep>,
    has_worker: bool,
}

impl Reclaims {
    /// Adds a sweep. Whether the caller is to see to it that there is a worker.
    #[must_use]
    pub(super) fn add(&self, sweep: Sweep) -> bool {
        let mut queue = self.lock();
        queue.add(sweep);
        !std::mem::replace(&mut queue.has_worker, true)
    }

    /// The next sweep; where there is none, the worker is done.
    pub(super) fn next(&self) -> Option<Sweep> {
        let mut queue = self.lock();
        let next = queue.sweeps.pop_front();
        queue.has_worker = next.is_some();
        next
    }

    /// The worker ends early. Whether sweeps are left undone.
    pub(super) fn give_up(&self) -> bool {
        let mut queue = self.lock();
        let is_undone = queue.has_worker;
        *queue = Queue::default();
        is_undone
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&mut self, sweep: Sweep) {
        // one that waits has looked at nothing yet, unless it is the rest of one that began at once
        self.sweeps.retain(|waiting| waiting.tag != sweep.tag || waiting.next < sweep.next);
        let is_covered = |waiting: &Sweep| {
            waiting.tag.is_none() || (waiting.tag == sweep.tag && waiting.next <= sweep.next)
        };
        if self.sweeps.iter().any(is_covered) {
            return;
        }
        if self.sweeps.len() >= MAX_SWEEPS || sweep == Sweep::all() {
            self.sweeps.clear();
            return self.sweeps.push_back(Sweep::all());
        }
        self.sweeps.push_back(sweep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(reclaims: &Reclaims) -> Vec<Sweep> {
        std::iter::from_fn(|| reclaims.next()).collect()
    }

    #[test]
    fn purges_of_one_target_are_swept_once() {
        let reclaims = Reclaims::default();
        let of = |tag, next| Sweep { tag: Some(tag), next };
        assert!(reclaims.add(of(1, 64)));
        for sweep in [of(1, 64), of(2, 64), of(1, 70), of(1, 60), of(2, 80)] {
            assert!(!reclaims.add(sweep), "there is a worker");
        }
        assert_eq!(left(&reclaims), [of(2, 64), of(1, 60)]);
        assert!(reclaims.add(of(1, 0)), "the worker was done");
    }

    #[test]
    fn many_purges_become_one_sweep_of_everything() {
        let reclaims = Reclaims::default();
        for tag in 0..10_000 {
            let _ = reclaims.add(Sweep::of(Some(tag)));
        }
        assert_eq!(left(&reclaims), [Sweep::all()]);
        for sweep in [Sweep::of(Some(1)), Sweep::all(), Sweep::of(Some(1)), Sweep::all()] {
            let _ = reclaims.add(sweep);
        }
        assert_eq!(left(&reclaims), [Sweep::all()]);
    }

    #[test]
    fn worker_that_gives_up_says_whether_anything_is_left() {
        let reclaims = Reclaims::default();
        assert!(!reclaims.give_up());
        assert!(reclaims.add(Sweep::all()));
        assert_eq!(reclaims.next(), Some(Sweep::all()));
        assert!(reclaims.give_up(), "it may not have done the one that it took");
        assert!(reclaims.add(Sweep::all()) && left(&reclaims).len() == 1);
        assert!(!reclaims.give_up());
    }
}
