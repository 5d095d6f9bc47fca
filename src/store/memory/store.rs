//! Entries in the process's own memory, bounded by bytes and shared by all workers.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{
    counting::{Counting, PAUSE, count_everything},
    reclaim::Reclaims,
    slot::Slot,
    sweep::Sweep,
    table::Table,
};
use crate::{
    clock::Clock,
    entry::{Entry, Timestamp},
    key::{CacheKey, KeyParts},
    purge::{Purge, PurgeNumber, Purged, Target},
    purge_log::SharedPurgeLog,
    store::{
        error::StoreError,
        health::Evictions,
        interface::{Put, Size, Store},
        local::LocalEntry,
    },
};

/// A [`Store`] in memory. A purge is done when it is in the log, whatever is still being removed or
/// counted: readers compare. What it has taken is removed behind it, in proportion to how much that
/// is, by path and by group; a purge of everything takes the table away as it is.
#[derive(Clone, Debug)]
pub(crate) struct MemoryStore {
    table: Arc<Table>,
    purges: Arc<SharedPurgeLog>,
    reclaims: Arc<Reclaims>,
}

impl MemoryStore {
    /// A store that takes at most about `capacity` bytes of memory.
    pub(crate) fn new(capacity: u64, clock: Clock) -> Self {
        Self {
            table: Arc::new(Table::new(capacity, clock)),
            purges: Arc::default(),
            reclaims: Arc::default(),
        }
    }

    /// [`Store::purge_number`], at once. A handler is about to be asked: the moment to tidy up.
    pub(crate) fn purge_number_now(&self) -> PurgeNumber {
        self.table.expire();
        self.purges.purge_number()
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn purges(&self) -> &SharedPurgeLog {
        &self.purges
    }

    /// How many bytes of memory it takes at most.
    pub(crate) fn capacity(&self) -> u64 {
        self.table.capacity()
    }

    /// How entries have left.
    pub(crate) fn evictions(&self) -> Evictions {
        self.table.evictions()
    }

    /// [`Store::get`], at once.
    pub(crate) fn get_now(&self, key: &KeyParts<'_>) -> Option<Arc<Entry>> {
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
        self.table.get(&KeyParts::of(&local.slot.entry.key));
    }

    /// [`Store::put`], at once.
    pub(crate) fn put_now(&self, entry: Arc<Entry>, ttl: Duration) -> Put {
        let end = self.end_of(&entry, ttl);
        let slot = Slot::new(self.table.fitted(entry), end);
        if !slot.check(&self.purges) {
            return Put::Refused;
        }
        let put = if slot.is_stale() { Put::Stale } else { Put::Stored };
        if slot.is_stale() && self.has_fresher(&slot) {
            return put;
        }
        if let Some(end) = slot.end_if_stale() {
            slot.set_end(end);
        }
        self.table.insert(slot, |slot| slot.fate(&self.purges));
        put
    }

    /// Keeps `new` in place of `old`, if that is still there.
    #[cfg(feature = "precompress")]
    pub(crate) fn replace_now(&self, old: &Arc<Entry>, new: Arc<Entry>, ttl: Duration) {
        let slot = Slot::new(self.table.fitted(new), self.table.now() + ttl);
        if !slot.check(&self.purges) {
            return;
        }
        if let Some(end) = slot.end_if_stale() {
            slot.set_end(end);
        }
        self.table.replace(old, slot, |slot| slot.fate(&self.purges));
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
        let there = if is_note(entry) { self.table.get(&KeyParts::of(&entry.key)) } else { None };
        let there = there.filter(|there| is_note(&there.entry) && there.check(&self.purges));
        there.map_or(end, |there| there.end().max(end))
    }

    /// Whether there is one in its place that no soft purge has concerned.
    fn has_fresher(&self, slot: &Slot) -> bool {
        let there = self.table.get(&KeyParts::of(&slot.entry.key));
        there.is_some_and(|there| there.check(&self.purges) && !there.is_stale())
    }

    /// [`Store::purge`] without the count, at once.
    pub(crate) fn purge_now(&self, purge: &Purge) {
        if is_of_everything(purge) {
            let (_, old) = self.table.take_all(|| self.purges.record(purge));
            return old.drop_behind();
        }
        self.purges.record(purge);
        self.look_at_all_now_and_then();
        if let Target::Entry(key) = purge.target() {
            return self.drop_if_purged(key);
        }
        let mut sweep = self.table.sweep_of(purge.target());
        if sweep == Sweep::all() || !self.step(&mut sweep) {
            self.sweep_behind(sweep);
        }
    }

    fn drop_if_purged(&self, key: &CacheKey) {
        if let Some(slot) = self.table.get(&KeyParts::of(key))
            && !slot.check(&self.purges)
        {
            self.table.remove(&slot);
        }
    }

    /// Now and then looks at all entries, so that those which no request asks for are not taken for purged
    /// when the oldest purges are forgotten.
    fn look_at_all_now_and_then(&self) {
        if self.purges.claim_walk() {
            self.sweep_behind(Sweep::all());
        }
    }

    fn step(&self, sweep: &mut Sweep) -> bool {
        self.table.step(sweep, |slot| slot.fate(&self.purges))
    }

    /// Sweeps on a thread where no request waits. Without a runtime, the puts that follow do it.
    fn sweep_behind(&self, sweep: Sweep) {
        if self.reclaims.add(sweep) {
            let worker = Worker(self.clone());
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn_blocking(move || worker.run());
            }
        }
    }

    /// Removes what a purge took, or marks it, and counts the responses which were alive until then.
    async fn purge_and_count(&self, purge: &Purge) -> u64 {
        if is_of_everything(purge) {
            let (recorded, old) = self.table.take_all(|| self.purges.record(purge));
            return count_everything(&self.purges, old, recorded).await;
        }
        let recorded = self.purges.record(purge);
        self.look_at_all_now_and_then();
        Counting::new(&self.table, &self.purges, purge, recorded).run().await
    }
}

/// Whether it takes everything for good.
fn is_of_everything(purge: &Purge) -> bool {
    *purge.target() == Target::All && purge.stale_since().is_none()
}

/// Sweeps what purges have left. Dropped before it is done, it leaves the rest to the puts that follow.
struct Worker(MemoryStore);

impl Worker {
    fn run(self) {
        let Self(store) = &self;
        while let Some(mut sweep) = store.reclaims.next() {
            while !store.step(&mut sweep) {
                std::thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Self(store) = self;
        if store.reclaims.give_up() {
            store.table.suspect();
        }
    }
}

impl Store for MemoryStore {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(self.purge_number_now())
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.get_now(&KeyParts::of(key)))
    }

    async fn put(&self, entry: Arc<Entry>, ttl: Duration) -> Result<Put, StoreError> {
        Ok(self.put_now(entry, ttl))
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        if !purge.is_counted() {
            self.purge_now(purge);
            return Ok(Purged::uncounted());
        }
        Ok(Purged::of(self.purge_and_count(purge).await))
    }

    fn size(&self) -> Option<Size> {
        Some(self.table.size())
    }
}

#[cfg(test)]
mod tests;
