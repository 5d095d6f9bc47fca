//! `CacheHandle`: what handlers, message consumers and operators hold to purge a cache.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    entries::{EntryPage, EntrySearch},
    explanation::{ExplainError, Explanation, Inquiry, RunningCall},
    fleet::ProcessInfo,
    metrics,
    preview::Preview,
    refresher::{Refresh, RefreshReport},
    state::Engine,
    stats::{RequestExample, Stats, TimelineStep, TopKeys},
};
#[cfg(feature = "admin")]
use crate::clock::Clock;
use crate::{
    purge::{Purge, Purged},
    store::StoreError,
};

/// How long refreshes wait until a worker can run them, where no setting says it.
const READY: Duration = Duration::from_secs(10);

/// A handle to a cache: purges and reads statistics.
///
/// An extractor in handlers behind the cache; elsewhere made by `ResponseCache::handle`. It is
/// `Send + Sync` and cheap to clone, so a message consumer can keep one.
///
/// When a purge returns, no request that begins afterwards is served what was purged, nor the
/// response of a handler that was already running.
///
/// While Redis is away a purge is [pending](Purged::pending). It holds in this process at once: no
/// response of Redis is served here before the purge has been repeated there, which is done as soon
/// as Redis is back. Other processes to which Redis was away serve no response of it either until
/// this one has had time for that. At most 512 purges are kept; more become one of everything.
///
/// # Errors
///
/// A purge fails where a store of your own does, and where replicas that it has to wait for do not
/// confirm it. Then it is not known whether it holds: repeat it, or report the failure. It also fails
/// ([`NoTarget`](crate::StoreErrorKind::NoTarget)) where its target can match nothing: a relative
/// path, or a pattern with `*`. In a handler `?` turns the error into a response: 503, or 500 for
/// such a target.
///
/// ```
/// use actix_response_cache::CacheHandle;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn update(cache: CacheHandle, id: web::Path<u64>) -> actix_web::Result<impl Responder> {
///     // … write to the database …
///     cache.purge_group("products").await?;
///     println!("product {id} has changed: no stored response shows it as it was");
///     Ok(HttpResponse::NoContent())
/// }
/// ```
#[derive(Clone)]
pub struct CacheHandle {
    engine: Arc<Engine>,
    soft: bool,
    counted: bool,
    refreshes: bool,
    ready_within: Duration,
}

impl CacheHandle {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, soft: false, counted: false, refreshes: false, ready_within: READY }
    }

    /// Where the cache reads the time.
    #[cfg(feature = "admin")]
    pub(crate) fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// Whether both belong to one cache, or to clones of it.
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// Purges one URL with all its variants and credentials: `/products?page=2` on all hosts,
    /// `https://shop.example/products?page=2` on one. Its spelling does not matter (encoded or not,
    /// with a default port, with a fragment): every response is purged that could be served to a
    /// request for it.
    ///
    /// The query is compared as in the keys of this cache and of each of its clones: where one of
    /// them ignores a parameter, so does the purge of what it stored.
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

    /// Purges everything that this cache has stored.
    pub async fn purge_all(&self) -> Result<Purged, StoreError> {
        self.purge(&Purge::all()).await
    }

    /// Purges what `purge` names.
    pub async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        let mut purge = purge.clone();
        if self.soft {
            purge = purge.soft();
        }
        if self.counted {
            purge = purge.counted();
        }
        if self.refreshes {
            purge = purge.then_refresh();
        }
        self.engine.purge(purge).await
    }

    /// A handle whose purges are soft: the responses become stale instead of being removed. A stale
    /// response may still be served while it is revalidated in the background
    /// (`stale_while_revalidate`) and when the handler fails (`stale_if_error`); both windows begin
    /// with the purge. After them the handler is called first, with the stored validators, unless the
    /// request accepts stale responses (`max-stale`) and the settings honour that.
    ///
    /// A response whose handler was already running at the time of the purge is stale when it is
    /// stored. A response that was purged softly can still be purged for good.
    ///
    /// ```
    /// # async fn price_changed(cache: actix_response_cache::CacheHandle) {
    /// // no request waits for the new list, and the old one is not served for long
    /// let _ = cache.soft().purge_group("products").await;
    /// # }
    /// ```
    #[must_use = "it purges nothing by itself"]
    pub fn soft(&self) -> Self {
        Self { soft: true, ..self.clone() }
    }

    /// A handle whose purges count: they return when it is known how many responses went. Other
    /// purges hold as soon, and leave removing to the background: they take the same time whether
    /// ten responses are stored or a million, while a count may have to look at all of them.
    ///
    /// ```
    /// # async fn report(cache: actix_response_cache::CacheHandle) -> Result<(), actix_web::Error> {
    /// let purged = cache.counted().purge_prefix("/products").await?;
    /// println!("{} responses removed", purged.entries.unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "it purges nothing by itself"]
    pub fn counted(&self) -> Self {
        Self { counted: true, ..self.clone() }
    }

    /// A handle after whose purges what was popular among what went is asked for again at once, in the
    /// background, before a client has to wait for it: at most 32 URLs, of those that
    /// [have the most hits](Self::top_keys) and whose key is the URL alone. See [`refresh`](Self::refresh).
    ///
    /// ```
    /// # async fn imported(cache: actix_response_cache::CacheHandle) {
    /// let _ = cache.then_refresh().purge_group("products").await;
    /// # }
    /// ```
    #[must_use = "it purges nothing by itself"]
    pub fn then_refresh(&self) -> Self {
        Self { refreshes: true, ..self.clone() }
    }

    /// Runs GET requests for these URLs through the app, no more than `at_most` at a time, and stores
    /// their responses as those to clients are stored; what is stored already is replaced. URLs are
    /// absolute, or paths on the host that was asked last. [`Refresh`] adds headers.
    ///
    /// Middleware outside of the cache does not see these requests. Handlers see the app's data, and no
    /// extensions, no peer address and no other headers than those given. The settings of the cache decide
    /// what is stored; a response that is private is not.
    ///
    /// A worker runs a refresh with a request that a client has sent and that has ended, as
    /// actix-web makes none: of the same host, and one that was answered from the store, or by the same
    /// route. Until there is one, it waits for the next, for 10 s in all
    /// ([`ready_within`](Self::ready_within)). A cache inside another one runs none.
    ///
    /// ```
    /// # async fn deployed(cache: actix_response_cache::CacheHandle, urls: Vec<String>) {
    /// let report = cache.refresh(urls, 4).await;
    /// println!("{} responses are stored", report.stored());
    /// # }
    /// ```
    pub async fn refresh<R>(
        &self,
        urls: impl IntoIterator<Item = R>,
        at_most: usize,
    ) -> RefreshReport
    where
        R: Into<Refresh>,
    {
        let urls = urls.into_iter().map(Into::into).collect();
        self.engine.refresh(urls, at_most, self.ready_within).await
    }

    /// A handle whose [`refresh`](Self::refresh) waits for as long until a worker can run it.
    #[must_use = "it refreshes nothing by itself"]
    pub fn ready_within(&self, wait: Duration) -> Self {
        Self { ready_within: wait, ..self.clone() }
    }

    /// The URLs of stored responses, for a [`refresh`](Self::refresh) after a deploy: the
    /// [popular](Self::top_keys) ones first, then others, no more than `at_most`. Only those whose key is
    /// the URL alone: what depends on who is asking is left out. A store of your own lists none but the popular.
    pub async fn export_keys(&self, at_most: usize) -> Vec<String> {
        self.engine.export_keys(at_most).await
    }

    /// What the cache has done since it was built.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// What the cache has done in the last hour, in steps of ten seconds, the oldest first. The last
    /// step is the one that has not ended. It begins with the first worker of the cache.
    pub fn timeline(&self) -> Vec<TimelineStep> {
        self.engine.timeline()
    }

    /// The keys that the workers are asked for most, and those whose handlers take the longest in all.
    pub fn top_keys(&self) -> TopKeys {
        self.engine.counters().top_keys()
    }

    /// A recent request for each reason why a response did not come from the store or was not stored, the
    /// newest last. Their URLs are for operators only.
    pub fn examples(&self) -> Vec<RequestExample> {
        self.engine.examples().read()
    }

    /// The statistics as the text that Prometheus reads (version 0.0.4), for an endpoint of your own. The
    /// admin scope has it under `/metrics`.
    pub fn prometheus_text(&self) -> String {
        metrics::text(&self.stats())
    }

    /// Gives the recorder of the `metrics` facade what has changed since the last time. That happens once a
    /// second by itself: call it before metrics are read at once, such as at the end of a program.
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.engine.publish_metrics();
    }

    /// What the cache would do with a request now, and why: which rule applies, what its key is made of,
    /// what is stored for it and for how long it is fresh, and which responses of the handler would be
    /// stored. It is a dry run of what requests go through. Nothing is served, counted or stored; the
    /// look-up counts as a use of the entry, and with Redis it is one exchange.
    ///
    /// It knows what is inside this process: not the middleware outside of the cache, nor other caches
    /// around it. Functions of the application (`only_if`, `key_fn`, `Auth::from_fn`) get a request
    /// without application data and extensions.
    ///
    /// ```
    /// # async fn f(cache: actix_response_cache::CacheHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// use actix_response_cache::Inquiry;
    ///
    /// let inquiry = Inquiry::get("https://shop.example/products").header("cookie", "session=1");
    /// println!("{}", cache.explain(&inquiry).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the inquiry is no request, or no worker serves requests through the cache yet.
    pub async fn explain(&self, inquiry: &Inquiry) -> Result<Explanation, ExplainError> {
        self.engine.explain(inquiry).await
    }

    /// The handler calls that run now for responses that may be shared, and how many requests wait for
    /// each: those first that have been running longest, 256 at most.
    pub fn flights(&self) -> Vec<RunningCall> {
        self.engine.running_calls()
    }

    /// Some of the stored responses, with a search in their URLs. With two tiers, those in Redis. A store of
    /// your own does not say what it has: see [`EntryPage::is_listed`].
    ///
    /// A page takes a second at most, and goes on in the next one. In Redis it scans all names, and reads the
    /// begin of each entry; what it shows is not checked as thoroughly as what is served.
    ///
    /// # Errors
    ///
    /// Where Redis does not answer, and where the search [begins](EntrySearch::from) at what is not the end
    /// of a page.
    pub async fn entries(&self, search: &EntrySearch) -> Result<EntryPage, StoreError> {
        self.engine.entries(search).await
    }

    /// How many responses the purge would take now, without purging: with a [soft](Self::soft) handle,
    /// those that it would make stale. In Redis it counts for a second at most, and then says that there
    /// are at least so many; what an earlier purge took and has not removed yet is counted too.
    ///
    /// # Errors
    ///
    /// Where its target can match nothing, and where Redis does not answer.
    pub async fn preview(&self, purge: &Purge) -> Result<Preview, StoreError> {
        let purge = purge.clone();
        self.engine.preview(if self.soft { purge.soft() } else { purge }).await
    }

    /// This process first, and then the others that share its prefix in Redis, 256 at most. Each of them says
    /// every 30 s that it is there, from its first use of the store on; one that was killed is listed for
    /// 90 s. With a store in memory, or one of your own, it is this process alone. A process that makes
    /// several caches is listed once for each.
    ///
    /// # Errors
    ///
    /// Where Redis does not answer.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>, StoreError> {
        self.engine.processes().await
    }

    /// Disables or enables the cache, for all workers of this process. While it is disabled, every
    /// request goes to its handler; purges still work, so no purged response is served when it is
    /// enabled again.
    pub fn set_enabled(&self, enabled: bool) {
        self.engine.set_enabled(enabled);
    }

    /// Whether the cache is enabled, as it is from the start.
    pub fn is_enabled(&self) -> bool {
        self.engine.is_enabled()
    }

    /// Waits until no response is on its way into the store, and no refresh runs in the background:
    /// in a test, or before the workers end. A response that is not stored when the runtime of its
    /// worker ends is lost.
    pub async fn settle(&self) {
        self.engine.settle().await;
    }
}

impl fmt::Debug for CacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheHandle").field("store", self.engine.store()).finish_non_exhaustive()
    }
}
