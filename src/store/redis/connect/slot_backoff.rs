//! Slots that are not used for a moment because their node failed. The other nodes of a Cluster
//! are there, and asking for what is gone would hold them up: the connection then looks for it.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use redis::cluster_routing::Slot;

use crate::clock::Stopwatch;

/// How long a slot is not used: a node that is back is noticed within it.
const BACKOFF: Duration = Duration::from_millis(500);

/// When each slot failed lately. There are never more than there are slots.
pub(super) struct SlotBackoff {
    failed: RwLock<HashMap<Slot, Duration>>,
    up: Stopwatch,
}

impl Default for SlotBackoff {
    fn default() -> Self {
        Self { failed: RwLock::default(), up: Stopwatch::start() }
    }
}

impl SlotBackoff {
    pub(super) fn is_backing_off(&self, slot: Slot) -> bool {
        self.is_backing_off_at(slot, self.up.elapsed())
    }

    fn is_backing_off_at(&self, slot: Slot, now: Duration) -> bool {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.get(&slot).is_some_and(|&at| now.saturating_sub(at) < BACKOFF)
    }

    /// The slot failed just now.
    pub(super) fn add(&self, slot: Slot) {
        self.add_at(slot, self.up.elapsed());
    }

    fn add_at(&self, slot: Slot, now: Duration) {
        let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
        failed.insert(slot, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_spared_for_a_moment_and_no_other_is() {
        let (slot_backoff, now) = (SlotBackoff::default(), Duration::from_secs(7));
        let [one, other] = ["one", "other"].map(Slot::for_key);
        slot_backoff.add_at(one, now);
        assert!(
            slot_backoff.is_backing_off_at(one, now + BACKOFF / 2)
                && !slot_backoff.is_backing_off_at(other, now)
        );
        assert!(!slot_backoff.is_backing_off_at(one, now + BACKOFF));
    }
}
