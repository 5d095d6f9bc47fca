//! In which order entries leave a table that is full: first those that have come to their end, then
//! by SIEVE (Zhang et al., NSDI 2024). A hand goes over the entries from the oldest to the newest and
//! on to the oldest again; it passes what has been read since it last came by, and takes the first
//! that has not. A newcomer always gets in, so nothing that was popular once keeps it out, and what
//! is read again and again outlives whatever is read once.
//!
//! Ends are kept sorted beside the order, so that finding what has ended costs the same however much
//! is kept. Both are exact: what leaves the table leaves nothing behind here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::slot::Slot;
use crate::entry::Timestamp;

/// The hand passes at most this many entries in a row before it takes one all the same: a put into
/// a table whose every entry is in use must not look at them all.
const MAX_PASSED: usize = 128;

/// How many entries are asked whether they are dead with each put.
const INSPECTED: usize = 4;
/// The same, while a purge has left dead ones behind.
const INSPECTED_OF_SUSPECTS: usize = 64;

/// What a table keeps, in the order in which it leaves.
#[derive(Debug, Default)]
pub(super) struct Eviction {
    /// By place: the oldest first.
    order: BTreeMap<u64, Arc<Slot>>,
    ends: BTreeSet<(Timestamp, u64)>,
    weight: u64,
    newest: u64,
    /// The place from which on the next entry to leave is looked for.
    hand: u64,
    /// The place from which on entries are inspected next.
    inspected: u64,
    /// How many entries are still to be inspected after a purge.
    suspects: usize,
}

impl Eviction {
    /// Takes in an entry: as the newest, or in the `place` of the one that it replaces.
    pub(super) fn add(&mut self, slot: &Arc<Slot>, place: Option<u64>) {
        let place = place.unwrap_or_else(|| {
            self.newest += 1;
            self.newest
        });
        slot.set_place(place);
        self.weight += slot.weight();
        self.ends.insert((slot.end(), place));
        self.order.insert(place, Arc::clone(slot));
    }

    /// Takes an entry out; `false` where it is not there any more.
    pub(super) fn remove(&mut self, slot: &Arc<Slot>) -> bool {
        let place = slot.place();
        let is_there = self.order.get(&place).is_some_and(|there| Arc::ptr_eq(there, slot));
        is_there && self.take(place).is_some()
    }

    /// Takes out an entry that has come to its end by `now`.
    pub(super) fn take_ended(&mut self, now: Timestamp) -> Option<Arc<Slot>> {
        let (end, place) = *self.ends.first()?;
        if end <= now { self.take(place) } else { None }
    }

    /// Takes out the next entry in order; one that is dead whatever its use.
    pub(super) fn take_next(&mut self, is_dead: impl Fn(&Slot) -> bool) -> Option<Arc<Slot>> {
        let mut passed = 0;
        loop {
            let (place, slot) = self.at_or_after(self.hand)?;
            let leaves = !slot.take_used() || passed == MAX_PASSED || is_dead(slot);
            self.hand = place + 1;
            if leaves {
                return self.take(place);
            }
            passed += 1;
        }
    }

    /// Any entry may be dead by now.
    pub(super) fn suspect(&mut self) {
        self.suspects = self.order.len();
    }

    /// Looks at some more entries, all of them in the course of many calls, and takes out those that
    /// are dead.
    pub(super) fn take_dead(&mut self, is_dead: impl Fn(&Slot) -> bool) -> Vec<Arc<Slot>> {
        let count = if self.suspects > 0 { INSPECTED_OF_SUSPECTS } else { INSPECTED };
        self.suspects = self.suspects.saturating_sub(count);
        let mut dead = Vec::new();
        for _ in 0..count {
            let Some((place, slot)) = self.at_or_after(self.inspected) else { break };
            let leaves = is_dead(slot);
            self.inspected = place + 1;
            if leaves {
                dead.extend(self.take(place));
            }
        }
        dead
    }

    /// The entry at this place or the next one, from the last on to the first.
    fn at_or_after(&self, place: u64) -> Option<(u64, &Arc<Slot>)> {
        let next = self.order.range(place..).next().or_else(|| self.order.first_key_value());
        next.map(|(place, slot)| (*place, slot))
    }

    fn take(&mut self, place: u64) -> Option<Arc<Slot>> {
        let slot = self.order.remove(&place)?;
        self.ends.remove(&(slot.end(), place));
        self.weight = self.weight.saturating_sub(slot.weight());
        Some(slot)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The bytes that all entries take.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }
}

#[cfg(test)]
mod tests;
