//! An entry as a table in memory keeps it: with its end, its weight, what is known of purges.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use super::{
    departures::{Departures, PlaceNumber},
    sweep::Fate,
};
#[cfg(feature = "redis")]
use crate::store::tiered::validity::Validity;
use crate::{
    entry::{Entry, Timestamp, allocated},
    purge_log::{PurgeState, SharedPurgeLog},
};

/// What the table itself takes for an entry: its share of the cache's hash table, of its queues and of
/// the index. `tests/it/memory_use.rs` compares the sum with what a process takes.
const SHARE_OF_TABLE: usize = 300;
/// The index's share for each group of an entry.
const SHARE_OF_GROUP: usize = 18;
/// `stale_since` of an entry that no soft purge has concerned.
const NEVER: i64 = i64::MIN;

/// An entry with what its table knows of it.
#[derive(Debug)]
pub(in crate::store) struct Slot {
    pub(in crate::store) entry: Arc<Entry>,
    /// From when on it is of no use, in milliseconds.
    end: AtomicI64,
    /// Since when it is stale by soft purges, in milliseconds.
    stale_since: AtomicI64,
    /// The logical time at which no further purge was known to concern the entry.
    checked: AtomicU64,
    /// The list to which it adds itself when it is dropped.
    departures: Option<Arc<Departures>>,
    /// Of an entry before Redis, what its use depends on instead of the purge log. Boxed, as entries of
    /// the store in memory have none.
    #[cfg(feature = "redis")]
    validity: Option<Box<Validity>>,
    /// Its number in the index.
    place: PlaceNumber,
    /// The bytes of memory that it takes.
    weight: u32,
}

impl Slot {
    pub(in crate::store) fn new(entry: Arc<Entry>, end: Timestamp) -> Self {
        let own = allocated(size_of::<Self>() + 2 * size_of::<usize>());
        let share = SHARE_OF_TABLE + entry.groups.len() * SHARE_OF_GROUP;
        Self {
            end: AtomicI64::new(end.as_millis()),
            stale_since: AtomicI64::new(NEVER),
            checked: AtomicU64::new(entry.since.number()),
            departures: None,
            #[cfg(feature = "redis")]
            validity: None,
            place: 0,
            weight: u32::try_from(own + entry.weight() + share).unwrap_or(u32::MAX),
            entry,
        }
    }

    #[cfg(feature = "redis")]
    pub(in crate::store) fn with_validity(
        entry: Arc<Entry>,
        end: Timestamp,
        validity: Validity,
    ) -> Self {
        let mut slot = Self::new(entry, end);
        let weight = u32::try_from(validity.weight()).unwrap_or(u32::MAX);
        slot.weight = slot.weight.saturating_add(weight);
        slot.validity = Some(Box::new(validity));
        slot
    }

    /// The same with a place in an index, to which the drop of the slot is reported.
    pub(super) fn in_place(mut self, place: PlaceNumber, departures: &Arc<Departures>) -> Self {
        self.place = place;
        self.departures = Some(Arc::clone(departures));
        self
    }

    pub(super) fn place(&self) -> Option<PlaceNumber> {
        self.departures.as_ref().map(|_| self.place)
    }

    #[cfg(feature = "redis")]
    pub(in crate::store) fn validity(&self) -> Option<&Validity> {
        self.validity.as_deref()
    }

    pub(in crate::store) fn end(&self) -> Timestamp {
        Timestamp::from_millis(self.end.load(Ordering::Relaxed))
    }

    /// To be called for a slot in an index by the index alone, which finds it by its end.
    pub(in crate::store) fn set_end(&self, end: Timestamp) {
        self.end.store(end.as_millis(), Ordering::Relaxed);
    }

    pub(in crate::store) const fn weight(&self) -> u64 {
        self.weight as u64
    }

    /// The entry as purges have left it, unless it is gone.
    pub(in crate::store) fn read(&self, purges: &SharedPurgeLog) -> Option<Arc<Entry>> {
        self.check(purges).then(|| match self.stale_since() {
            None => Arc::clone(&self.entry),
            // made for each reader, as a second copy would double what the entry takes
            Some(then) => Arc::new(self.entry.stale_since(then)),
        })
    }

    /// Takes in the purges since it was last looked at: `false` where one has taken the entry.
    pub(in crate::store) fn check(&self, purges: &SharedPurgeLog) -> bool {
        let checked = self.checked();
        let (state, known) = purges.state(&self.entry, checked);
        match state {
            PurgeState::Valid => {}
            PurgeState::StaleSince(then) => drop(self.make_stale(then)),
            PurgeState::Purged | PurgeState::Unknown => return false,
        }
        if known != checked {
            self.checked.fetch_max(known, Ordering::Release);
        }
        true
    }

    /// What purges have made of it.
    pub(super) fn fate(&self, purges: &SharedPurgeLog) -> Fate {
        match (self.check(purges), self.end_if_stale()) {
            (false, _) => Fate::Remove,
            (true, Some(end)) => Fate::EndEarly(end),
            (true, None) => Fate::Keep,
        }
    }

    /// The logical time at which no further purge was known to concern the entry.
    pub(in crate::store) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Acquire)
    }

    /// Makes it stale; whether that is news. The first soft purge counts.
    pub(in crate::store) fn make_stale(&self, then: Timestamp) -> bool {
        let then = then.as_millis().max(NEVER + 1);
        let set =
            || self.stale_since.compare_exchange(NEVER, then, Ordering::AcqRel, Ordering::Acquire);
        self.entry.response().is_some() && set().is_ok()
    }

    pub(in crate::store) fn is_stale(&self) -> bool {
        self.stale_since().is_some()
    }

    /// The end that a soft purge has brought it.
    pub(in crate::store) fn end_if_stale(&self) -> Option<Timestamp> {
        let then = self.stale_since()?;
        self.entry.response().map(|response| response.end_if_stale_since(then).min(self.end()))
    }

    fn stale_since(&self) -> Option<Timestamp> {
        let then = self.stale_since.load(Ordering::Acquire);
        (then != NEVER).then_some(Timestamp::from_millis(then))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(departures) = &self.departures {
            departures.add(&self.entry, self.end(), self.place);
        }
    }
}
