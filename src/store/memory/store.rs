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
        if let Some(slot) = self.table.peek(key) {
            self.table.remove(&slot);
        }
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
mod tests {
    use actix_web::http::header::ACCEPT;

    use super::*;
    use crate::{
        entry::Kind,
        key::KeyBuilder,
        store::acceptance::{
            examine,
            samples::{self, KEEP},
        },
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn key(path: &str) -> CacheKey {
        KeyBuilder::new(false, "h", path, None).finish()
    }

    fn note(path: &str, names: usize) -> Entry {
        let kind = Kind::Varies(vec![ACCEPT; names].into());
        Entry { key: key(path), since: PurgeNumber::default(), groups: Vec::new(), kind }
    }

    fn store() -> (MemoryStore, Clock) {
        let clock = Clock::manual();
        (MemoryStore::new(1 << 20, clock.clone()), clock)
    }

    #[test]
    fn two_stores_on_one_thread_share_nothing() {
        let ((one, _), (other, _)) = (store(), store());
        let names = |store: &MemoryStore| {
            store.get_now(&key("/")).map(|entry| match &entry.kind {
                Kind::Varies(selecting) => selecting.names.len(),
                Kind::Response(_) => unreachable!("a note was put"),
            })
        };
        one.put_now(Arc::new(note("/", 1)), KEEP);
        for _ in 0..20 {
            assert_eq!((names(&one), names(&other)), (Some(1), None));
        }
        other.put_now(Arc::new(note("/", 0)), KEEP);
        for _ in 0..20 {
            assert_eq!((names(&one), names(&other)), (Some(1), Some(0)));
        }
    }

    #[test]
    fn note_lives_as_long_as_the_longest_of_its_variants() {
        let (store, clock) = store();
        for (path, first, second) in [("/a", 60, 10), ("/b", 10, 60), ("/c", 10, 10)] {
            store.put_now(Arc::new(note(path, 1)), first * SECOND);
            store.put_now(Arc::new(note(path, 1)), second * SECOND);
        }
        clock.advance(30 * SECOND);
        store.purge_number_now();
        let kept = ["/a", "/b", "/c"].map(|path| store.get_now(&key(path)).is_some());
        assert_eq!(kept, [true, true, false]);
        clock.advance(30 * SECOND);
        assert_eq!(store.size(), Some(Size::default()));
    }

    #[test]
    fn purged_entries_that_nobody_reads_leave_with_the_puts_that_follow() {
        for purge in [Purge::all(), Purge::prefix("/old"), Purge::group("g")] {
            let (store, _) = store();
            for number in 0..100 {
                let entry =
                    samples::entry(&key(&format!("/old/{number}")), store.purge_number_now());
                let entry = Entry { groups: vec!["g".into()], ..entry };
                store.put_now(Arc::new(entry), KEEP);
            }
            store.purge_now(&purge);
            for number in 0..50 {
                let entry =
                    samples::entry(&key(&format!("/new/{number}")), store.purge_number_now());
                store.put_now(Arc::new(entry), KEEP);
            }
            assert_eq!(store.size().unwrap().entries, 50, "{purge:?}");
        }
    }

    #[test]
    fn softly_purged_entries_leave_past_their_stale_windows() {
        let (store, clock) = store();
        let put = |path: &str| {
            let mut entry = samples::entry(&key(path), store.purge_number_now());
            if let Kind::Response(response) = &mut entry.kind {
                response.headers.clear();
                response.terms.while_revalidate = 5 * SECOND;
            }
            store.put_now(Arc::new(entry), KEEP);
        };
        (0..20).for_each(|number| put(&format!("/old/{number}")));
        store.purge_now(&Purge::all().soft_since(clock.now()));
        clock.advance(4 * SECOND);
        (0..10).for_each(|_| put("/new"));
        assert_eq!(store.size().unwrap().entries, 21);
        clock.advance(2 * SECOND);
        (0..10).for_each(|_| put("/new"));
        assert_eq!(store.size().unwrap().entries, 1);
    }

    #[test]
    fn stale_entries_take_no_more_than_fresh_ones() {
        let (store, clock) = store();
        store.put_now(Arc::new(samples::entry(&key("/"), store.purge_number_now())), KEEP);
        let fresh = store.size();
        store.purge_now(&Purge::all().soft_since(clock.now()));
        let terms = store.get_now(&key("/")).map(|entry| entry.response().unwrap().terms);
        assert!(terms.is_some_and(|terms| terms.soft_purged));
        assert_eq!(store.size(), fresh);
    }

    #[tokio::test]
    async fn an_entry_that_nobody_reads_outlives_many_purges_of_others() {
        let (store, _) = store();
        store.put_now(Arc::new(note("/", 0)), KEEP);
        let slot = store.table.peek(&key("/")).expect("put");
        let mut purges = 0;
        // as many purges as are kept, and more
        while purges < 1 << 19 {
            for _ in 0..1 << 14 {
                purges += 1;
                store.purge_now(&Purge::path(format!("/{purges}")));
            }
            let begun = std::time::Instant::now();
            while slot.checked() < purges {
                assert!(begun.elapsed() < Duration::from_secs(20), "not looked at");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(store.get_now(&key("/")).is_some());
    }

    #[tokio::test]
    async fn it_passes_the_examination() {
        examine(async || MemoryStore::new(64 * 1024 * 1024, Clock::manual())).await;
    }
}
