//! A store of your own: here a table in memory that counts how often it is asked. Run it, then
//! `curl -i localhost:8080/` twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_response_cache::{
    ResponseCache,
    store::{CacheKey, Entry, Purge, PurgeNumber, Purged, Put, Store, StoreError},
};
use actix_web::{App, HttpServer, web};

/// The smallest honest store: what was put, and the purges that it has to remember, because a
/// handler that began before a purge may end after it.
#[derive(Default)]
struct Table(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    asked: u64,
    now: u64,
    entries: HashMap<CacheKey, Arc<Entry>>,
    purges: Vec<(u64, Purge)>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Table {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(PurgeNumber::new(self.lock().now))
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        let mut inner = self.lock();
        inner.asked += 1;
        println!("asked for {key:?}, the {}. time", inner.asked);
        Ok(inner.entries.get(key).cloned())
    }

    async fn put(&self, entry: Arc<Entry>, _keep_for: Duration) -> Result<Put, StoreError> {
        let mut inner = self.lock();
        let purged = inner.purges.iter().any(|(number, purge)| {
            entry.since.number() < *number && purge.concerns(&entry.key, &entry.groups)
        });
        if purged {
            return Ok(Put::Refused);
        }
        inner.entries.insert(entry.key.clone(), entry);
        Ok(Put::Stored)
    }

    async fn purge(&self, target: &Purge) -> Result<Purged, StoreError> {
        let mut inner = self.lock();
        inner.now += 1;
        let purge = (inner.now, target.clone());
        inner.purges.push(purge);
        let mut responses = 0;
        inner.entries.retain(|key, entry| {
            let goes = target.concerns(key, &entry.groups);
            responses += u64::from(goes && entry.response().is_some());
            !goes
        });
        Ok(Purged::of(responses))
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let cache = ResponseCache::new(Table::default());
    println!("listening on http://127.0.0.1:8080");
    HttpServer::new(move || {
        App::new()
            .wrap(cache.clone())
            .route("/", web::get().to(async || "computed once a minute\n"))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
