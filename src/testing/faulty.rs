//! `FaultyStore`: a store in memory that fails when a test tells it to.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::Clock,
    store::{
        CacheKey, Entry, Purge, PurgeNumber, Purged, Put, Size, Store, StoreError, StoreErrorKind,
        memory::MemoryStore,
    },
};

/// How many bytes of memory it takes.
const CAPACITY: u64 = 16 << 20;

/// A store in memory that fails when a test tells it to, as a Redis does that is away. Clones are one store.
///
/// ```
/// use actix_response_cache::{ResponseCache, assert_hit, assert_miss, store::StoreErrorKind};
/// use actix_response_cache::testing::FaultyStore;
/// use actix_web::{App, test, web};
///
/// # #[actix_web::main]
/// # async fn main() {
/// let store = FaultyStore::new();
/// let cache = ResponseCache::new(store.clone());
/// let app = App::new().route("/", web::get().to(async || "hello")).wrap(cache);
/// let app = test::init_service(app).await;
/// let get = || test::call_service(&app, test::TestRequest::get().to_request());
/// assert_miss!(get().await);
/// assert_hit!(get().await);
/// store.fail(StoreErrorKind::Unavailable);
/// assert_miss!(get().await);   // the request does not fail
/// store.recover();
/// assert_hit!(get().await);
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyStore {
    store: MemoryStore,
    fault: Arc<Mutex<Option<StoreErrorKind>>>,
}

impl FaultyStore {
    /// An empty store that does not fail yet.
    pub fn new() -> Self {
        Self { store: MemoryStore::new(CAPACITY, Clock::system()), fault: Arc::default() }
    }

    /// From now on every operation fails with an error of this kind. What is stored stays.
    pub fn fail(&self, kind: StoreErrorKind) {
        self.set(Some(kind));
    }

    /// Operations succeed again.
    pub fn recover(&self) {
        self.set(None);
    }

    fn set(&self, fault: Option<StoreErrorKind>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn check(&self) -> Result<(), StoreError> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.map_or(Ok(()), |kind| Err(StoreError::new(kind)))
    }
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for FaultyStore {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.check()?;
        self.store.purge_number().await
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        self.check()?;
        self.store.get(key).await
    }

    async fn put(&self, entry: Arc<Entry>, ttl: Duration) -> Result<Put, StoreError> {
        self.check()?;
        self.store.put(entry, ttl).await
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        self.check()?;
        self.store.purge(purge).await
    }

    fn size(&self) -> Option<Size> {
        self.check().ok().and_then(|()| self.store.size())
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("fault", &self.fault).finish_non_exhaustive()
    }
}
