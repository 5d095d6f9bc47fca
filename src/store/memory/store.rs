//! Entries in the process's own memory, bounded by bytes and shared by all workers.

use std::{sync::Arc, time::Duration};

use super::{slot::Slot, table::Table};
use crate::{
    clock::Clock,
    entry::{Entry, Timestamp},
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged, Target},
    purge_log::{PurgeState, RecordedPurge, SharedPurgeLog},
    store::{
        error::StoreError,
        interface::{Put, Size, Store},
        local::LocalEntry,
    },
};

/// Past this many entries, a purge walks them on a thread where no request waits behind it.
const WALK_IN_PLACE: usize = 4096;

/// A [`Store`] in memory. A purge is done when it is in the log, whatever is still being walked for
/// the count.
#[derive(Clone, Debug)]
pub(crate) struct MemoryStore {
    table: Arc<Table>,
    purges: Arc<SharedPurgeLog>,
}

impl MemoryStore {
    /// A store that takes at most about `capacity` bytes of memory.
    pub(crate) fn new(capacity: u64, clock: Clock) -> Self {
        Self { table: Arc::new(Table::new(capacity, clock)), purges: Arc::default() }
    }

    /// [`Store::purge_number`], at once. A handler is about to be asked: the moment to tidy up.
    pub(crate) fn purge_number_now(&self) -> PurgeNumber {
        self.table.expire();
        self.purges.purge_number()
    }

    /// [`Store::get`], at once.
    pub(crate) fn get_now(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        let slot = self.table.get(key)?;
        let entry = slot.read(&self.purges);
        if entry.is_none() {
            self.table.remove(&slot);
        }
        entry
    }

    /// What is kept under `key`, to be used again for as long as it [is current](Self::is_current). What a
    /// soft purge has concerned is looked up each time.
    pub(crate) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        self.table.locate(key).filter(|local| self.is_current(local))
    }

    /// Whether the entry is what [`get_now`](Self::get_now) finds.
    pub(crate) fn is_current(&self, local: &LocalEntry) -> bool {
        self.table.is_there(local) && local.slot.check(&self.purges) && !local.slot.is_stale()
    }

    /// An entry has been used that was located.
    pub(crate) fn use_again(&self, local: &LocalEntry) {
        self.table.get(&local.slot.entry.key);
    }

    /// [`Store::put`], at once.
    pub(crate) fn put_now(&self, entry: Arc<Entry>, ttl: Duration) -> Put {
        let end = self.end_of(&entry, ttl);
        let slot = Slot::new(entry, end);
        if !slot.check(&self.purges) {
            return Put::Refused;
        }
        let put = if slot.is_stale() { Put::Stale } else { Put::Stored };
        if slot.is_stale() && self.has_fresher(&slot) {
            return put;
        }
        self.table.insert(slot, |slot| self.is_dead(slot));
        put
    }

    /// Drops what is kept under `key`.
    pub(crate) fn forget_now(&self, key: &CacheKey) {
        self.table.forget(key);
    }

    /// Whether a purge that names `key` itself has come since this logical time.
    pub(crate) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        self.purges.is_purged(key, since.number())
    }

    /// Whether any URL of the key's path has been purged since this logical time.
    pub(crate) fn is_any_url_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        self.purges.is_any_url_purged(key, since.number())
    }

    /// When an entry is of no more use. The note of variants serves all of them: the next one of a
    /// short life does not end it before the others.
    fn end_of(&self, entry: &Entry, ttl: Duration) -> Timestamp {
        let end = self.table.now() + ttl;
        let is_note = |entry: &Entry| entry.response().is_none();
        let there = if is_note(entry) { self.table.peek(&entry.key) } else { None };
        let there = there.filter(|there| is_note(&there.entry) && there.check(&self.purges));
        there.map_or(end, |there| there.end().max(end))
    }

    /// Whether there is one in its place that no soft purge has concerned.
    fn has_fresher(&self, slot: &Slot) -> bool {
        let there = self.table.peek(&slot.entry.key);
        there.is_some_and(|there| there.check(&self.purges) && !there.is_stale())
    }

    /// Whether a purge has taken it, or a soft purge has brought its end forward.
    fn is_dead(&self, slot: &Slot) -> bool {
        !slot.check(&self.purges) || slot.has_expired_early(|| self.table.now())
    }

    /// [`Store::purge`] without the count, at once.
    pub(crate) fn purge_now(&self, purge: &Purge) {
        self.purges.record(purge);
        self.walk_behind();
        if purge.stale_since().is_some() {
            return;
        }
        let Target::Entry(key) = purge.target() else { return self.table.suspect() };
        if let Some(slot) = self.table.peek(key)
            && !slot.check(&self.purges)
        {
            self.table.remove(&slot);
        }
    }

    /// Now and then looks at all entries, so that those which no request asks for are not taken for purged
    /// when the oldest purges are forgotten.
    fn walk_behind(&self) {
        if !self.purges.claim_walk() {
            return;
        }
        // without a runtime, a reader of the entry does this
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn_blocking(move || store.walk());
        }
    }

    /// Removes what purges have taken.
    fn walk(&self) {
        self.table.for_each(|slot| {
            if !slot.check(&self.purges) {
                self.table.remove(slot);
            }
        });
    }

    /// Removes what the purge `recorded` took, or marks it, and counts the responses which were
    /// alive until then.
    fn sweep(&self, purge: &Purge, recorded: RecordedPurge) -> u64 {
        let mut responses = 0;
        self.table.for_each(|slot| {
            let entry = &slot.entry;
            if !purge.concerns(&entry.key, &entry.groups) {
                return;
            }
            let checked = slot.checked();
            match self.purges.state(entry, checked).0 {
                // a fill that began after the purge is not what it was for
                PurgeState::Valid => {}
                PurgeState::StaleSince(then) => responses += u64::from(slot.make_stale(then)),
                PurgeState::Purged | PurgeState::Unknown => {
                    let counts = entry.response().is_some() && purge.stale_since().is_none();
                    let taken = counts && self.purges.was_valid_before(entry, checked, recorded);
                    responses += u64::from(taken);
                    self.table.remove(slot);
                }
            }
        });
        responses
    }
}

impl Store for MemoryStore {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(self.purge_number_now())
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.get_now(key))
    }

    async fn put(&self, entry: Arc<Entry>, ttl: Duration) -> Result<Put, StoreError> {
        Ok(self.put_now(entry, ttl))
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        if !purge.is_counted() {
            self.purge_now(purge);
            return Ok(Purged::uncounted());
        }
        let recorded = self.purges.record(purge);
        self.walk_behind();
        let runtime = tokio::runtime::Handle::try_current();
        let walk = match runtime {
            Ok(runtime) if self.table.len() > WALK_IN_PLACE => {
                let (store, purge) = (self.clone(), purge.clone());
                runtime.spawn_blocking(move || store.sweep(&purge, recorded)).await.ok()
            }
            _ => Some(self.sweep(purge, recorded)),
        };
        Ok(Purged::of(walk.unwrap_or(0)))
    }

    fn size(&self) -> Option<Size> {
        Some(self.table.size())
    }
}

#[cfg(test)]
mod tests;
