//! An entry as a table in memory keeps it: with its end, its weight, what is known of purges.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

#[cfg(feature = "redis")]
use crate::store::tiered::validity::Validity;
use crate::{
    entry::{Entry, Timestamp, allocated},
    purge_log::{PurgeState, SharedPurgeLog},
};

/// What the table itself takes for an entry: its share of the cache's hash table, of its
/// queues and of the list of ends. `tests/it/memory_use.rs` compares the sum with what a process takes.
const SHARE_OF_TABLE: usize = 280 + size_of::<crate::key::CacheKey>();
/// `stale_since` of an entry that no soft purge has concerned.
const NEVER: i64 = i64::MIN;

/// An entry with what its table knows of it.
#[derive(Debug)]
pub(in crate::store) struct Slot {
    pub(in crate::store) entry: Arc<Entry>,
    /// From when on it is of no use.
    end: Timestamp,
    /// The bytes of memory that it takes.
    weight: u64,
    /// Since when it is stale by soft purges, in milliseconds.
    stale_since: AtomicI64,
    /// The logical time at which no further purge was known to concern the entry.
    checked: AtomicU64,
    /// Tells it from others of the same end; changed under the lock of the ends only.
    expiry_number: AtomicU64,
    /// Of an entry before Redis, what its use depends on instead of the purge log. Boxed, as entries of
    /// the store in memory have none.
    #[cfg(feature = "redis")]
    validity: Option<Box<Validity>>,
}

impl Slot {
    pub(in crate::store) fn new(entry: Arc<Entry>, end: Timestamp) -> Self {
        let own = allocated(size_of::<Self>() + 2 * size_of::<usize>());
        let weight = own + entry.weight() + SHARE_OF_TABLE;
        Self {
            end,
            weight: weight as u64,
            stale_since: AtomicI64::new(NEVER),
            checked: AtomicU64::new(entry.since.number()),
            expiry_number: AtomicU64::new(0),
            #[cfg(feature = "redis")]
            validity: None,
            entry,
        }
    }

    #[cfg(feature = "redis")]
    pub(in crate::store) fn with_validity(
        entry: Arc<Entry>,
        end: Timestamp,
        validity: Validity,
    ) -> Self {
        let slot = Self::new(entry, end);
        let weight = slot.weight + validity.weight() as u64;
        Self { weight, validity: Some(Box::new(validity)), ..slot }
    }

    #[cfg(feature = "redis")]
    pub(in crate::store) fn validity(&self) -> Option<&Validity> {
        self.validity.as_deref()
    }

    pub(in crate::store) const fn end(&self) -> Timestamp {
        self.end
    }

    pub(in crate::store) const fn weight(&self) -> u64 {
        self.weight
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

    /// Whether a soft purge has brought its end forward to a time before `now`.
    pub(in crate::store) fn has_expired_early(&self, now: impl FnOnce() -> Timestamp) -> bool {
        let Some(then) = self.stale_since() else { return false };
        self.entry.response().is_some_and(|response| response.end_if_stale_since(then) <= now())
    }

    fn stale_since(&self) -> Option<Timestamp> {
        let then = self.stale_since.load(Ordering::Acquire);
        (then != NEVER).then_some(Timestamp::from_millis(then))
    }

    pub(in crate::store) fn expiry_number(&self) -> u64 {
        self.expiry_number.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn set_expiry_number(&self, place: u64) {
        self.expiry_number.store(place, Ordering::Relaxed);
    }
}
