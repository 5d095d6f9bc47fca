//! `CacheHandle`: what handlers, message consumers and operators hold to purge a cache.

use std::{fmt, sync::Arc};

use super::{state::Engine, stats::Stats};
use crate::{
    purge::{Purge, Purged},
    store::StoreError,
};

/// A handle to a cache: purges and reads statistics.
///
/// An extractor in handlers behind the cache; elsewhere made by `ResponseCache::handle`. It is
/// `Send + Sync` and cheap to clone, so a message consumer can keep one.
///
/// When a purge returns, no request that begins afterwards is answered with what was purged, nor
/// with the answer of a handler that was already running.
///
/// While Redis is away a purge is [pending](Purged::pending): it holds in this process, as nothing of
/// Redis is served before the purge has been repeated, which is done as soon as Redis answers. Other
/// processes to which Redis was away serve nothing of it either until this one has had time for that.
/// At most 512 purges are kept; more become one of everything.
///
/// # Errors
///
/// A purge fails where a store of your own does, and where replicas that it is to wait for do not
/// confirm it. Then it is not known whether it holds: repeat it, or tell the caller. It also fails
/// ([`NoTarget`](crate::StoreErrorKind::NoTarget)) where its target can match nothing: a relative
/// path, or a pattern with `*`. In a handler `?` turns the error into an answer: 503, or 500 for a
/// target that is none.
///
/// ```
/// use actix_response_cache::CacheHandle;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn update(cache: CacheHandle, id: web::Path<u64>) -> actix_web::Result<impl Responder> {
///     // … write to the database …
///     let purged = cache.purge_group("products").await?;
///     println!("product {id}: {} stored responses went", purged.entries);
///     Ok(HttpResponse::NoContent())
/// }
/// ```
#[derive(Clone)]
pub struct CacheHandle {
    engine: Arc<Engine>,
    soft: bool,
}

impl CacheHandle {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, soft: false }
    }

    /// Whether both are of one cache, or of clones of it.
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// Purges one URL with all its variants and credentials: `/products?page=2` on all hosts,
    /// `https://shop.example/products?page=2` on one. However it is spelled (encoded or not, with a
    /// default port, with a fragment), every response goes that a request for it could be answered
    /// with.
    ///
    /// The query counts as it does in the keys of this cache and of all its clones: parameters which
    /// one of them ignores are ignored there.
    pub async fn purge_url(&self, url: impl AsRef<str>) -> Result<Purged, StoreError> {
        self.purge(&Purge::url(url.as_ref())).await
    }

    /// Purges a path: all hosts, queries, credentials and variants of it.
    pub async fn purge_path(&self, path: impl AsRef<str>) -> Result<Purged, StoreError> {
        self.purge(&Purge::path(path.as_ref())).await
    }

    /// Purges a path and everything below it, by whole segments: `/products` takes `/products/7`
    /// and not `/products-old`.
    pub async fn purge_prefix(&self, prefix: impl AsRef<str>) -> Result<Purged, StoreError> {
        self.purge(&Purge::prefix(prefix.as_ref())).await
    }

    /// Purges every response that named the group.
    pub async fn purge_group(&self, group: impl AsRef<str>) -> Result<Purged, StoreError> {
        self.purge(&Purge::group(group.as_ref())).await
    }

    /// Purges everything that this cache stored.
    pub async fn purge_all(&self) -> Result<Purged, StoreError> {
        self.purge(&Purge::all()).await
    }

    /// Purges what `purge` names.
    pub async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        let purge = if self.soft { purge.clone().soft() } else { purge.clone() };
        self.engine.purge(purge).await
    }

    /// A handle whose purges are soft: what they name becomes stale instead of being removed. So
    /// it may still be served while it is being validated behind the answer
    /// (`stale_while_revalidate`) and when the handler fails (`stale_if_error`), each window
    /// counted from the purge; else the handler is asked first, with the stored validators, unless
    /// the request takes what is stale (`max-stale`) and the settings honour that.
    ///
    /// A response whose handler was already running at the time of the purge is stale when it is
    /// stored. What has been purged softly is still there to be purged for good.
    ///
    /// ```
    /// # async fn price_changed(cache: actix_response_cache::CacheHandle) {
    /// // nobody waits for the new list, and nobody sees the old one for long
    /// let _ = cache.soft().purge_group("products").await;
    /// # }
    /// ```
    #[must_use = "it purges nothing by itself"]
    pub fn soft(&self) -> Self {
        Self { soft: true, ..self.clone() }
    }

    /// What the cache has done since it was made.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// Switches the cache off or on, for all workers of this process. While it is off, every
    /// request goes to its handler; purges still work, so nothing old comes back with it.
    pub fn switch(&self, on: bool) {
        self.engine.switch(on);
    }

    /// Whether the cache is on. It is when it is made.
    pub fn is_on(&self) -> bool {
        self.engine.is_on()
    }

    /// Waits until nothing is on its way into the store any more, and no refresh runs behind an
    /// answer: in a test, or before the workers end. What a worker has not stored when its runtime
    /// ends is not stored.
    pub async fn settle(&self) {
        self.engine.settle().await;
    }
}

impl fmt::Debug for CacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheHandle").field("store", self.engine.store()).finish_non_exhaustive()
    }
}
