//! Tests of `store`.

use actix_web::http::header::ACCEPT;

use super::*;
use crate::{
    entry::{Kind, StoredHeaders, Terms},
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
        store.get_now(&KeyParts::of(&key("/"))).map(|entry| match &entry.kind {
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
    let kept = ["/a", "/b", "/c"].map(|path| store.get_now(&KeyParts::of(&key(path))).is_some());
    assert_eq!(kept, [true, true, false]);
    clock.advance(30 * SECOND);
    assert_eq!(store.size(), Some(Size::default()));
}

#[test]
fn purged_entries_that_nobody_reads_leave_with_the_puts_that_follow() {
    for purge in [Purge::all(), Purge::prefix("/old"), Purge::group("g")] {
        let (store, _) = store();
        for number in 0..100 {
            let entry = samples::entry(&key(&format!("/old/{number}")), store.purge_number_now());
            let entry = Entry { groups: vec!["g".into()], ..entry };
            store.put_now(Arc::new(entry), KEEP);
        }
        store.purge_now(&purge);
        for number in 0..50 {
            let entry = samples::entry(&key(&format!("/new/{number}")), store.purge_number_now());
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
            response.headers = StoredHeaders::default();
            let terms = Terms { while_revalidate: 5 * SECOND, ..response.terms() };
            response.set_terms(&terms);
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
    let terms =
        store.get_now(&KeyParts::of(&key("/"))).map(|entry| entry.response().unwrap().terms());
    assert!(terms.is_some_and(|terms| terms.soft_purged));
    assert_eq!(store.size(), fresh);
}

#[tokio::test]
async fn an_entry_that_nobody_reads_outlives_many_purges_of_others() {
    let (store, _) = store();
    store.put_now(Arc::new(note("/", 0)), KEEP);
    let slot = store.table.get(&KeyParts::of(&key("/"))).expect("put");
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
    assert!(store.get_now(&KeyParts::of(&key("/"))).is_some());
}

#[tokio::test]
async fn store_passes_acceptance_tests() {
    examine(async || MemoryStore::new(64 * 1024 * 1024, Clock::manual())).await;
}
