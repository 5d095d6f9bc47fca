//! A store of the application's own serves a cache, and passes the acceptance tests.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    Purge, Purged, ResponseCache, Store, StoreError, StoreErrorKind,
    store::{CacheKey, Entry, PurgeNumber, Put, acceptance},
};

use futures_util::FutureExt as _;
use tokio::sync::Notify;

use crate::support::{Origin, app, get, request, send, settle};

/// The smallest honest store: a table, and the purges that it remembers.
#[derive(Clone, Default)]
pub struct Table {
    inner: Arc<Mutex<Inner>>,
    broken: Arc<AtomicBool>,
    /// Where set, a purge waits for it.
    go: Option<Arc<Notify>>,
}

#[derive(Default)]
struct Inner {
    now: u64,
    entries: HashMap<CacheKey, Arc<Entry>>,
    purges: Vec<(u64, Purge)>,
}

impl Inner {
    fn is_purged(&self, entry: &Entry) -> bool {
        self.purges.iter().any(|(number, purge)| {
            entry.since.number() < *number && purge.concerns(&entry.key, &entry.groups)
        })
    }
}

impl Table {
    fn working<T>(&self, answer: impl FnOnce(&mut Inner) -> T) -> Result<T, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::with_source(StoreErrorKind::Unavailable, "pulled the plug"));
        }
        Ok(answer(&mut self.inner.lock().unwrap()))
    }
}

impl Store for Table {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.working(|inner| PurgeNumber::new(inner.now))
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        self.working(|inner| inner.entries.get(key).cloned())
    }

    async fn put(&self, entry: Arc<Entry>, _: Duration) -> Result<Put, StoreError> {
        self.working(|inner| {
            if inner.is_purged(&entry) {
                return Put::Refused;
            }
            inner.entries.insert(entry.key.clone(), entry);
            Put::Stored
        })
    }

    async fn purge(&self, target: &Purge) -> Result<Purged, StoreError> {
        if let Some(go) = &self.go {
            go.notified().await;
        }
        self.working(|inner| {
            inner.now += 1;
            inner.purges.push((inner.now, target.clone()));
            let mut responses = 0;
            inner.entries.retain(|key, entry| {
                let goes = target.concerns(key, &entry.groups);
                responses += u64::from(goes && entry.response().is_some());
                !goes
            });
            Purged::of(responses)
        })
    }
}

#[actix_rt::test]
async fn custom_store_passes_acceptance_tests() {
    acceptance::examine(async || Table::default()).await;
}

#[actix_rt::test]
async fn custom_store_serves_hits() {
    let cache = ResponseCache::new(Table::default());
    let app = app(&cache, &Origin::with_fields(&[("vary", "accept")])).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    assert_eq!(cache.handle().unwrap().counted().purge_path("/").await.unwrap().entries, Some(1));
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    settle(&cache).await;
    send(&app, request("DELETE", "/")).await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}

#[actix_rt::test]
async fn purges_of_one_request_count_an_entry_once() {
    let cache = ResponseCache::new(Table::default());
    let origin = Origin::with_fields(&[("location", "/other")]);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    send(&app, request("PUT", "/")).await;
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.purges, stats.purged), (2, 1));
}

#[actix_rt::test]
async fn store_errors_fail_no_request() {
    let table = Table::default();
    let cache = ResponseCache::new(table.clone());
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    table.broken.store(true, Ordering::SeqCst);
    for (req, text) in
        [(get("/"), "answer 2"), (get("/"), "answer 3"), (request("PUT", "/"), "answer 4")]
    {
        let seen = send(&app, req).await;
        assert_eq!((seen.status.as_u16(), seen.text()), (200, text));
    }
    let error = cache.handle().unwrap().purge_all().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(cache.handle().unwrap().stats().errors >= 4);
    assert!(cache.check().await.unwrap().store.is_err());
}

#[actix_rt::test]
async fn purge_completes_after_client_disconnects() {
    let go = Arc::new(Notify::new());
    let cache = ResponseCache::new(Table { go: Some(Arc::clone(&go)), ..Table::default() });
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/")).await;
    let handle = cache.handle().unwrap();
    handle.settle().await;
    let mut put = Box::pin(send(&app, request("PUT", "/")));
    assert!(put.as_mut().now_or_never().is_none(), "the purge waits");
    drop(put);
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    go.notify_one();
    handle.settle().await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}
