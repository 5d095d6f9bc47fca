//! Entries in the process's own memory, bounded by bytes and shared by all workers.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mini_moka::sync::{Cache, ConcurrentCacheExt};

use super::{
    Put, Size, Store, StoreError,
    front::Generation,
    stamps::{Stamped, Stamps, Standing},
};
use crate::{
    entry::{Entry, Timestamp},
    key::CacheKey,
    purge::{Mark, Purge, Purged, Target},
};

/// Past this many entries, a purge walks them on a thread where no request waits behind it.
const WALK_IN_PLACE: u64 = 4096;

/// A [`Store`] in memory. Purges are stamps, so they are done before they return, whatever is
/// still being walked for the count.
#[derive(Clone, Debug)]
pub(crate) struct MemoryStore {
    cache: Cache<CacheKey, Arc<Slot>, ahash::RandomState>,
    hasher: ahash::RandomState,
    generation: Arc<Generation>,
    stamps: Arc<Stamps>,
}

/// An entry with what is known of purges.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) entry: Arc<Entry>,
    /// The entry as soft purges have left it. Not a slot of its own, which could displace a newer
    /// one; it shares the body.
    stale: OnceLock<Arc<Entry>>,
    /// The logical time at which no further purge was known to concern the entry.
    checked: AtomicU64,
    /// Of an entry before Redis, what its use hangs on instead of stamps.
    #[cfg(feature = "redis")]
    pub(super) hold: Option<super::near::Hold>,
}

impl Slot {
    fn new(entry: Arc<Entry>) -> Self {
        let checked = AtomicU64::new(entry.since.number());
        Self {
            entry,
            stale: OnceLock::new(),
            checked,
            #[cfg(feature = "redis")]
            hold: None,
        }
    }

    #[cfg(feature = "redis")]
    pub(super) fn held(entry: Arc<Entry>, hold: super::near::Hold) -> Self {
        Self { hold: Some(hold), ..Self::new(entry) }
    }

    /// The entry as it stands, unless it is gone.
    fn read(&self, stamps: &Stamps) -> Option<&Arc<Entry>> {
        // what was stale by then has been made so before
        let checked = self.checked.load(Ordering::Acquire);
        let known = match stamps.standing(&self.entry, checked) {
            Standing::Alive(known) => known,
            Standing::Stale(then, known) => {
                self.outdate(then);
                known
            }
            Standing::Gone => return None,
        };
        if known != checked {
            self.checked.fetch_max(known, Ordering::Release);
        }
        Some(self.stale.get().unwrap_or(&self.entry))
    }

    /// Makes it stale; whether that is news.
    fn outdate(&self, then: Timestamp) -> bool {
        self.entry.response().is_some()
            && !self.is_stale()
            && self.stale.set(Arc::new(self.entry.stale_since(then))).is_ok()
    }

    fn is_stale(&self) -> bool {
        self.stale.get().is_some()
    }
}

impl MemoryStore {
    /// A store that keeps about `capacity` bytes of keys, fields and bodies.
    pub(crate) fn new(capacity: u64) -> Self {
        let hasher = ahash::RandomState::new();
        let cache = table(capacity, &hasher);
        let generation = Arc::new(Generation::new());
        Self { cache, hasher, generation, stamps: Arc::default() }
    }

    /// [`Store::mark`], at once.
    pub(crate) fn mark_now(&self) -> Mark {
        self.stamps.mark()
    }

    /// [`Store::get`], at once.
    pub(crate) fn get_now(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        let hash = self.hasher.hash_one(key);
        let slot = self.generation.get(key, hash, || self.cache.get(key))?;
        let entry = slot.read(&self.stamps);
        if entry.is_none() {
            self.cache.invalidate(key);
        }
        entry.cloned()
    }

    /// [`Store::put`], at once. An entry's lifetime is its own; room is made by use, not by time.
    pub(crate) fn put_now(&self, entry: Arc<Entry>) -> Put {
        let slot = Slot::new(entry);
        if slot.read(&self.stamps).is_none() {
            return Put::Refused;
        }
        let put = if slot.is_stale() { Put::Stale } else { Put::Kept };
        if slot.is_stale() && self.has_fresher(&slot) {
            return put;
        }
        self.cache.insert(slot.entry.key.clone(), Arc::new(slot));
        self.generation.end();
        put
    }

    /// Drops what is kept under `key`.
    pub(crate) fn forget_now(&self, key: &CacheKey) {
        self.cache.invalidate(key);
    }

    /// Whether a purge that names `key` itself has come since this logical time.
    pub(crate) fn is_purged_since(&self, key: &CacheKey, since: Mark) -> bool {
        self.stamps.is_purged(key, since.number())
    }

    /// Whether any URL of the key's path has been purged since this logical time.
    pub(crate) fn is_any_url_purged_since(&self, key: &CacheKey, since: Mark) -> bool {
        self.stamps.is_any_url_purged(key, since.number())
    }

    /// Whether there is one in its place that no soft purge has concerned.
    fn has_fresher(&self, slot: &Slot) -> bool {
        let there = self.cache.get(&slot.entry.key);
        there.is_some_and(|there| there.read(&self.stamps).is_some() && !there.is_stale())
    }

    /// [`Store::purge`] without the count, at once.
    pub(crate) fn stamp_now(&self, purge: &Purge) {
        self.stamps.stamp(purge);
        self.walk_behind();
        if let (Target::Entry(key), None) = (purge.target(), purge.stale_since()) {
            self.cache.invalidate(key);
        }
    }

    /// Now and then looks at all entries, so that those which nobody asks for are not taken for purged
    /// when the oldest stamps go.
    fn walk_behind(&self) {
        if !self.stamps.claim_walk() {
            return;
        }
        // without a runtime, whoever reads an entry does this
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn_blocking(move || store.walk());
        }
    }

    /// Removes what purges have taken.
    fn walk(&self) {
        let gone = self.cache.iter().filter(|slot| slot.read(&self.stamps).is_none());
        let gone: Vec<CacheKey> = gone.map(|slot| slot.entry.key.clone()).collect();
        for key in &gone {
            self.cache.invalidate(key);
        }
    }

    /// Removes what the purge `stamped` took, or marks it, and counts the responses which were
    /// alive until then.
    fn sweep(&self, purge: &Purge, stamped: Stamped) -> u64 {
        let mut responses = 0;
        let mut gone = Vec::new();
        for slot in &self.cache {
            let entry = &slot.entry;
            if !purge.concerns(&entry.key, &entry.groups) {
                continue;
            }
            let checked = slot.checked.load(Ordering::Acquire);
            match self.stamps.standing(entry, checked) {
                // a fill that began after the purge is not what it was for
                Standing::Alive(_) => {}
                Standing::Stale(then, _) => responses += u64::from(slot.outdate(then)),
                Standing::Gone => {
                    gone.push(entry.key.clone());
                    let counts = entry.response().is_some() && purge.stale_since().is_none();
                    let taken = counts && self.stamps.alive_before(entry, checked, stamped);
                    responses += u64::from(taken);
                }
            }
        }
        for key in &gone {
            self.cache.invalidate(key);
        }
        responses
    }
}

/// A table that keeps about `capacity` bytes of keys, fields and bodies.
pub(super) fn table(
    capacity: u64,
    hasher: &ahash::RandomState,
) -> Cache<CacheKey, Arc<Slot>, ahash::RandomState> {
    let weigher =
        |_: &CacheKey, slot: &Arc<Slot>| u32::try_from(slot.entry.weight()).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(capacity).weigher(weigher).build_with_hasher(hasher.clone())
}

impl Store for MemoryStore {
    async fn mark(&self) -> Result<Mark, StoreError> {
        Ok(self.mark_now())
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.get_now(key))
    }

    async fn put(&self, entry: Arc<Entry>, _keep_for: Duration) -> Result<Put, StoreError> {
        Ok(self.put_now(entry))
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        let stamped = self.stamps.stamp(purge);
        self.walk_behind();
        let runtime = tokio::runtime::Handle::try_current();
        let walk = match runtime {
            Ok(runtime) if self.cache.entry_count() > WALK_IN_PLACE => {
                let (store, purge) = (self.clone(), purge.clone());
                runtime.spawn_blocking(move || store.sweep(&purge, stamped)).await.ok()
            }
            _ => Some(self.sweep(purge, stamped)),
        };
        Ok(Purged::of(walk.unwrap_or(0)))
    }

    fn size(&self) -> Option<Size> {
        self.cache.sync();
        Some(Size { entries: self.cache.entry_count(), bytes: self.cache.weighted_size() })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;

    use super::*;
    use crate::{
        entry::{Kind, Selecting},
        key::KeyBuilder,
        store::acceptance::examine,
    };

    #[test]
    fn two_stores_on_one_thread_share_nothing() {
        let (one, other) = (MemoryStore::new(1 << 20), MemoryStore::new(1 << 20));
        let key = KeyBuilder::new(false, "h", "/", None).finish();
        let entry = |names: Vec<_>| Entry {
            key: key.clone(),
            since: Mark::default(),
            groups: Vec::new(),
            kind: Kind::Varies(names.into()),
        };
        one.put_now(Arc::new(entry(vec![ACCEPT])));
        for _ in 0..20 {
            assert!(one.get_now(&key).is_some());
            assert!(other.get_now(&key).is_none());
        }
        other.put_now(Arc::new(entry(vec![])));
        let names = |store: &MemoryStore| match &store.get_now(&key).unwrap().kind {
            Kind::Varies(selecting) => selecting.names.len(),
            Kind::Response(_) => unreachable!("a note was put"),
        };
        for _ in 0..20 {
            assert_eq!((names(&one), names(&other)), (1, 0));
        }
    }

    #[tokio::test]
    async fn an_entry_that_nobody_reads_outlives_many_purges_of_others() {
        let store = MemoryStore::new(1 << 20);
        let key = KeyBuilder::new(false, "h", "/", None).finish();
        let kind = Kind::Varies(Selecting::default());
        let entry = Entry { key: key.clone(), since: Mark::default(), groups: vec![], kind };
        store.put_now(Arc::new(entry));
        let slot = store.cache.get(&key).expect("put");
        let mut purges = 0;
        // as many stamps as are kept, and more
        while purges < 1 << 19 {
            for _ in 0..1 << 14 {
                purges += 1;
                store.stamp_now(&Purge::path(&format!("/{purges}")));
            }
            let begun = std::time::Instant::now();
            while slot.checked.load(Ordering::Acquire) < purges {
                assert!(begun.elapsed() < Duration::from_secs(20), "not looked at");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(store.get_now(&key).is_some());
    }

    #[tokio::test]
    async fn it_passes_the_examination() {
        examine(async || MemoryStore::new(64 * 1024 * 1024)).await;
    }
}
