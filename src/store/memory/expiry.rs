//! When the entries of a table come to their end, sorted, so that finding what has ended costs the
//! same however much is kept. The cache does not report evictions: what it has evicted stays here as a
//! reference that keeps no entry alive, until such references are as many as the entries.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Weak},
};

use super::slot::Slot;
use crate::entry::Timestamp;

/// How many entries are asked whether they are dead with each put.
const INSPECTED_PER_PUT: usize = 4;
/// The same, while a purge has left dead ones behind.
const INSPECTED_OF_SUSPECTS: usize = 64;
/// References to evicted entries that are kept at any rate.
const SLACK: u64 = 64;

#[derive(Debug, Default)]
pub(super) struct ExpiryIndex {
    slots: BTreeMap<(Timestamp, u64), Weak<Slot>>,
    newest: u64,
    /// The place after which entries are inspected next.
    inspected: Option<(Timestamp, u64)>,
    /// How many entries are still to be inspected after a purge.
    suspects: usize,
}

impl ExpiryIndex {
    pub(super) fn add(&mut self, slot: &Arc<Slot>) {
        self.newest += 1;
        slot.set_expiry_number(self.newest);
        self.slots.insert((slot.end(), self.newest), Arc::downgrade(slot));
    }

    pub(super) fn remove(&mut self, slot: &Slot) {
        self.slots.remove(&(slot.end(), slot.expiry_number()));
    }

    /// Takes out an entry that has come to its end by `now`.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Arc<Slot>> {
        while let Some(first) = self.slots.first_entry() {
            if first.key().0 > now {
                return None;
            }
            if let Some(slot) = first.remove().upgrade() {
                return Some(slot);
            }
        }
        None
    }

    /// Any entry may be dead by now.
    pub(super) fn suspect(&mut self) {
        self.suspects = self.slots.len();
    }

    /// Looks at some more entries, all of them in the course of many calls, and takes out those that
    /// are dead.
    pub(super) fn take_dead(&mut self, is_dead: impl Fn(&Slot) -> bool) -> Vec<Arc<Slot>> {
        let count = if self.suspects > 0 { INSPECTED_OF_SUSPECTS } else { INSPECTED_PER_PUT };
        self.suspects = self.suspects.saturating_sub(count);
        let mut dead = Vec::new();
        for _ in 0..count {
            let from = self.inspected.map_or(Bound::Unbounded, Bound::Excluded);
            let next = self.slots.range((from, Bound::Unbounded)).next();
            let Some((place, slot)) = next.or_else(|| self.slots.first_key_value()) else { break };
            let (place, slot) = (*place, slot.upgrade());
            self.inspected = Some(place);
            match slot {
                Some(slot) if !is_dead(&slot) => {}
                slot => {
                    self.slots.remove(&place);
                    dead.extend(slot);
                }
            }
        }
        dead
    }

    /// Drops the references to what was evicted, once they are more than the `entries` kept: each is
    /// looked at as often as one is added, on average.
    pub(super) fn forget_evicted(&mut self, entries: u64) {
        if self.slots.len() as u64 > 2 * entries + SLACK {
            self.slots.retain(|_, slot| slot.strong_count() > 0);
        }
    }
}
