//! What happens once a second in all caches of a process, whatever one of their stores does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    Purge, Purged, ResponseCache, Store, StoreError,
    store::{CacheKey, Entry, PurgeNumber, Put, Size},
};

use crate::support::{Origin, app, get, send, until};

/// A store of nothing that is asked how much it has, and may panic then.
#[derive(Clone, Default)]
struct Asked {
    times: Arc<AtomicU64>,
    panics: Arc<AtomicBool>,
}

impl Asked {
    fn times(&self) -> u64 {
        self.times.load(Ordering::SeqCst)
    }
}

impl Store for Asked {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(PurgeNumber::new(0))
    }

    async fn get(&self, _: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _: Arc<Entry>, _: Duration) -> Result<Put, StoreError> {
        Ok(Put::Refused)
    }

    async fn purge(&self, _: &Purge) -> Result<Purged, StoreError> {
        Ok(Purged::of(0))
    }

    fn size(&self) -> Option<Size> {
        self.times.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "a mistake of the application");
        Some(Size::new(7, 70))
    }
}

#[actix_rt::test]
async fn store_that_panics_stops_the_ticker_for_no_cache() {
    let (bad, good) = (Asked::default(), Asked::default());
    bad.panics.store(true, Ordering::SeqCst);
    let caches = [&bad, &good].map(|store| ResponseCache::new(store.clone()));
    for cache in &caches {
        // its workers start all the same, and serve
        assert_eq!(send(&app(cache, &Origin::counting()).await, get("/a")).await.status, 200);
    }
    let (before, panicked) = (good.times(), bad.times());
    assert!(panicked > 0, "it was asked by the first tick");
    until("two more ticks", || bad.times() >= panicked + 2 && good.times() >= before + 2).await;

    bad.panics.store(false, Ordering::SeqCst);
    let handle = caches[0].handle().unwrap();
    let stats = handle.stats();
    assert!(stats.errors > 2 && stats.entries == Some(7), "{stats:?}");
    let recovered = bad.times();
    until("it goes on", || bad.times() > recovered).await;
    assert!(!handle.timeline().is_empty());
}
