//! Tests of how much a worker remembers.

use std::time::Duration;

use actix_web::http::StatusCode;

use super::*;
use crate::{
    clock::Clock,
    entry::{Kind, StoredHeaders, StoredResponse},
    key::{CacheKey, KeyBuilder},
    purge::PurgeNumber,
    store::{any::AnyStore, memory::MemoryStore, process::Process},
};

const KIB: usize = 1024;
const KEEP: Duration = Duration::from_secs(60);

struct Setting {
    engine: Arc<Engine>,
    store: MemoryStore,
    cache: WorkerCache,
}

fn setting() -> Setting {
    let clock = Clock::manual();
    let store = MemoryStore::new(1 << 30, clock.clone());
    let engine = Engine::new(AnyStore::Memory(store.clone()), Process::default(), clock);
    Setting { engine, store, cache: WorkerCache::default() }
}

fn key(number: usize) -> CacheKey {
    KeyBuilder::new(false, "h", &format!("/{number}"), None).finish()
}

impl Setting {
    /// Stores a response with a body of this length, and finds it as often as it takes to remember it.
    fn use_often(&self, number: usize, length: usize) {
        let terms = Terms { lifetime: KEEP, ..Terms::default() };
        let (status, headers) = (StatusCode::OK, StoredHeaders::default());
        let response = StoredResponse::new(status, headers, &terms, vec![0; length].into());
        let kind = Kind::Response(response);
        let since = PurgeNumber::new(0);
        let entry = Arc::new(Entry { key: key(number), since, groups: Vec::new(), kind });
        self.store.put_now(Arc::clone(&entry), KEEP);
        (0..2).for_each(|_| self.cache.found(&self.engine, &entry, &[]));
    }

    fn remembers(&self, number: usize) -> bool {
        self.cache.get(&self.engine, &KeyParts::of(&key(number))).is_some()
    }

    /// The lengths of all bodies that are remembered, and what the cache counts.
    fn bytes(&self) -> (usize, usize) {
        let places = self.cache.places.borrow();
        let bodies = places.iter().filter_map(|place| Some(place.entry.as_ref()?.body.len()));
        (bodies.sum(), self.cache.bytes.get())
    }
}

#[test]
fn no_more_than_some_bytes_are_remembered() {
    let setting = setting();
    for number in 0..1000 {
        setting.use_often(number, 100 * KIB);
        let (bodies, counted) = setting.bytes();
        assert!(bodies <= counted && counted <= MAX_BYTES, "{bodies} bytes, {counted} counted");
    }
    let (bodies, _) = setting.bytes();
    assert!(bodies > MAX_BYTES - 100 * KIB, "{bodies} bytes are remembered at last");
}

#[test]
fn large_response_is_not_remembered() {
    let setting = setting();
    setting.use_often(1, MAX_ENTRY_BYTES);
    setting.use_often(2, MAX_ENTRY_BYTES + 1);
    assert!(setting.remembers(1) && !setting.remembers(2));
}

#[test]
fn bytes_of_what_is_no_longer_current_are_given_back() {
    let setting = setting();
    (0..10).for_each(|number| setting.use_often(number, KIB));
    assert!((0..10).any(|number| setting.remembers(number)));
    setting.store.purge_now(&crate::purge::Purge::all());
    assert!(!(0..10).any(|number| setting.remembers(number)));
    assert_eq!(setting.bytes(), (0, 0));
}
