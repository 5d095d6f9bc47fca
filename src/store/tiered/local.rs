//! The local tier: entries in the process's memory before Redis. It keeps entries of Redis for as
//! long as the process receives announcements from there, and for a moment entries that only this
//! process has, while Redis is away.

use std::{sync::Arc, time::Duration};

use super::{local_purges::LocalPurges, validity::Validity};
use crate::{
    clock::Clock,
    entry::{Entry, Timestamp},
    key::{CacheKey, KeyDigests, KeyParts},
    purge::{Purge, PurgeNumber, Target},
    store::{
        health::Evictions,
        interface::{Put, Size},
        local::LocalEntry,
        memory::{
            slot::Slot,
            sweep::{Fate, Sweep},
            table::Table,
        },
        redis::{
            RedisStore,
            invalidation::{message::Digest, state::InvalidationState},
        },
    },
};

/// How long an entry is kept, counted from when it was asked for, while announcements are not
/// trusted.
pub(in crate::store) const OFFLINE_TTL: Duration = Duration::from_secs(1);
/// Set in logical times that are of this process alone: the rest is the time in microseconds since it
/// made the store. No number in Redis comes near.
const LOCAL_CLOCK_BIT: u64 = 1 << 63;
/// How long a note of variants that Redis has is kept without asking again: it does not say when it
/// ends.
const NOTE_TTL: Duration = Duration::from_secs(60 * 60);

/// Entries in memory before Redis.
pub(super) struct LocalTier {
    // boxed, as futures that hold a store would be as large
    table: Box<Table>,
    invalidation: Arc<InvalidationState>,
    /// What stands for keys in announcements.
    digests: KeyDigests,
    purges: LocalPurges,
}

/// What was known just before Redis was asked for an entry, or given one. What changes after it is
/// noticed when the entry is kept; read later, a change in between would be missed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    at: Duration,
    trust_period: Option<u64>,
    digest: Digest,
    /// See [`InvalidationState::stored_elsewhere`].
    stored: u32,
}

impl Snapshot {
    /// Whether announcements were trusted.
    pub(super) const fn is_trusted(&self) -> bool {
        self.trust_period.is_some()
    }
}

impl LocalTier {
    /// A tier that takes at most about `capacity` bytes of memory.
    pub(super) fn new(capacity: u64, redis: &RedisStore, clock: Clock) -> Self {
        Self {
            table: Box::new(Table::new(capacity, clock)),
            invalidation: Arc::clone(redis.shared_invalidation()),
            digests: redis.key_digests().clone(),
            purges: LocalPurges::default(),
        }
    }

    /// What is kept under `key` and may be used now.
    pub(super) fn get(&self, key: &KeyParts<'_>) -> Option<Arc<Entry>> {
        let slot = self.table.get(key)?;
        if self.is_usable(&slot) {
            return Some(Arc::clone(&slot.entry));
        }
        self.table.remove(&slot);
        None
    }

    /// What is kept under `key`, to be used again for as long as it [is current](Self::is_current).
    pub(super) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        self.table.locate(key).filter(|local| self.is_current(local))
    }

    /// Whether the entry is what [`get`](Self::get) finds.
    pub(super) fn is_current(&self, local: &LocalEntry) -> bool {
        self.table.is_there(local) && self.is_usable(&local.slot)
    }

    /// An entry has been used that was located.
    pub(super) fn use_again(&self, local: &LocalEntry) {
        self.table.get(&KeyParts::of(&local.slot.entry.key));
    }

    /// Drops what is kept under `key`.
    pub(super) fn forget(&self, key: &CacheKey) {
        self.table.forget(key);
    }

    /// To be called before Redis is asked for an entry, or given one.
    pub(super) fn snapshot(&self, key: &CacheKey) -> Snapshot {
        self.table.expire();
        let (at, digest) = (self.invalidation.now(), self.digests.of(key));
        let stored = self.invalidation.stored_elsewhere(&digest);
        Snapshot { at, trust_period: self.invalidation.trust_period(at), digest, stored }
    }

    /// Keeps an entry that Redis has. It already reflects the purges up to the number `as_of`.
    pub(super) fn keep_remote(&self, entry: &Arc<Entry>, snapshot: Snapshot, as_of: PurgeNumber) {
        let Snapshot { at, trust_period, digest, stored } = snapshot;
        let kept = self.invalidation.remote_version(Arc::clone(entry), as_of, digest, stored);
        let Some((entry, remote)) = kept else { return };
        let is_trusted = trust_period.is_some();
        let offline_until = if is_trusted { Duration::ZERO } else { at + OFFLINE_TTL };
        let end = self.end_of(&entry, is_trusted);
        self.insert(entry, end, Validity { remote: Some(remote), trust_period, offline_until });
    }

    fn end_of(&self, entry: &Entry, is_trusted: bool) -> Timestamp {
        let now = self.table.now();
        match entry.response() {
            _ if !is_trusted => now + OFFLINE_TTL,
            Some(response) => response.end(),
            None => now + NOTE_TTL,
        }
    }

    /// The logical time of this process, for a fill that begins while Redis is away.
    pub(super) fn local_purge_number(&self) -> PurgeNumber {
        let micros = u64::try_from(self.invalidation.now().as_micros()).unwrap_or(u64::MAX);
        PurgeNumber::new(LOCAL_CLOCK_BIT | micros)
    }

    /// When a fill began whose logical time is a [`local_purge_number`](Self::local_purge_number); `None` for one
    /// of Redis.
    pub(super) const fn local_begin(since: PurgeNumber) -> Option<Duration> {
        match since.number() {
            number if number & LOCAL_CLOCK_BIT == 0 => None,
            number => Some(Duration::from_micros(number & !LOCAL_CLOCK_BIT)),
        }
    }

    /// Keeps, for a moment, an entry that Redis never gets: its fill `began` while Redis was away.
    pub(super) fn keep_local(&self, entry: Arc<Entry>, began: Duration) -> Put {
        let offline_until = began + OFFLINE_TTL;
        let validity = Validity { remote: None, trust_period: None, offline_until };
        if self.invalidation.now() >= offline_until || self.purges.concern(&entry, began) {
            return Put::Refused;
        }
        self.insert(entry, self.table.now() + OFFLINE_TTL, validity);
        Put::Stored
    }

    /// A purge that begins here takes at once the entries that only this process has. Entries of
    /// Redis go by what is known of purges there.
    pub(super) fn purge(&self, purge: &Purge) {
        self.purges.record(purge, self.invalidation.now());
        match (purge.target(), purge.stale_since()) {
            (Target::All, None) => self.table.take_all(|| ()).1.drop_behind(),
            // it may be forgotten before Redis knows of the purge
            (_, None) if self.forget_all_of(purge) => {}
            _ => self.table.suspect(),
        }
    }

    /// Drops what the purge concerns, where that is found and is not much: whether it is all of it.
    fn forget_all_of(&self, purge: &Purge) -> bool {
        let mut sweep = self.table.sweep_of(purge.target());
        let fate =
            |slot: &Slot| Fate::remove_if(purge.concerns(&slot.entry.key, &slot.entry.groups));
        sweep != Sweep::all() && self.table.step(&mut sweep, fate)
    }

    /// How many bytes of memory it takes at most.
    pub(super) fn capacity(&self) -> u64 {
        self.table.capacity()
    }

    /// How entries have left.
    pub(super) fn evictions(&self) -> Evictions {
        self.table.evictions()
    }

    pub(super) fn size(&self) -> Size {
        self.table.size()
    }

    fn insert(&self, entry: Arc<Entry>, end: Timestamp, validity: Validity) {
        let slot = Slot::with_validity(self.table.fitted(entry), end, validity);
        self.table.insert(slot, |slot| Fate::remove_if(!self.is_usable(slot)));
    }

    fn is_usable(&self, slot: &Slot) -> bool {
        slot.validity().is_some_and(|validity| self.is_valid(&slot.entry, validity))
    }

    fn is_valid(&self, entry: &Entry, validity: &Validity) -> bool {
        let now = self.invalidation.now();
        let is_in_time = match self.invalidation.trust_period(now) {
            Some(period) => validity.trust_period == Some(period),
            None => now < validity.offline_until,
        };
        is_in_time
            && match (&validity.remote, Self::local_begin(entry.since)) {
                (Some(remote), _) => self.invalidation.is_current(remote),
                (None, Some(began)) => !self.purges.concern(entry, began),
                (None, None) => false,
            }
    }
}
