//! `ResponseCache`: its constructors, and its settings as chained setters of one call each.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{dev::ServiceRequest, http::header::HeaderName};

use super::{
    Config, Predicate,
    client::ClientCache,
    error::ConfigError,
    plan::Plan,
    rule::Rule,
    shared::{Backend, Shared},
};
use crate::{
    clock::Clock,
    engine::{Engine, handle::CacheHandle, stats::Stats},
    store::{Store, StoreError, any::AnyStore},
};

/// A response cache: a middleware for an app, a scope or a resource.
///
/// Make it once, outside the closure that makes the app, and clone it in: clones share the store
/// and the statistics. A clone may be configured further, for one scope or resource.
///
/// ```no_run
/// use actix_response_cache::ResponseCache;
/// use actix_web::{App, HttpServer, web};
///
/// # async fn run() -> std::io::Result<()> {
/// let cache = ResponseCache::memory();
/// HttpServer::new(move || {
///     App::new()
///         .wrap(cache.clone())
///         .route("/", web::get().to(async || "computed once a minute"))
/// })
/// .bind(("127.0.0.1", 8080))?
/// .run()
/// .await
/// # }
/// ```
///
/// **The cache stands before whatever it wraps.** What is registered before it with `wrap` runs
/// only when there is no stored answer. An authorisation check therefore belongs outside (register
/// it after the cache), or into the key ([`vary_by_auth`](Self::vary_by_auth)).
///
/// # Mistakes in settings
///
/// A setter that is given something impossible keeps the error; the server then does not start,
/// with a message that names the setting. [`check`](Self::check) tells earlier. A Redis that does
/// not answer is no mistake: requests are then answered by their handlers.
#[must_use = "a cache does nothing until it wraps something"]
#[derive(Clone)]
pub struct ResponseCache {
    shared: Arc<Shared>,
    config: Arc<Config>,
    error: Option<ConfigError>,
}

/// What [`ResponseCache::check`] found.
#[non_exhaustive]
#[derive(Debug)]
pub struct Readiness {
    /// Settings that work and are probably not what was meant.
    pub warnings: Vec<String>,
    /// Whether the store answers.
    pub store: Result<(), StoreError>,
}

impl ResponseCache {
    /// A cache in the process's own memory: 64 MiB, and 60 s for responses that state no lifetime.
    ///
    /// **Make it once, outside of the closure that makes the app, and clone it in.** Made inside, each
    /// worker has its own cache. A purge reaches one of them, and the others still answer with what was
    /// purged. The log warns of it.
    #[cfg(feature = "memory")]
    #[track_caller]
    pub fn memory() -> Self {
        Self::new(Backend::Memory)
    }

    /// A cache in a store of your own.
    #[track_caller]
    pub fn with_store(store: impl Store) -> Self {
        Self::new(Backend::Custom(AnyStore::custom(store)))
    }

    #[track_caller]
    pub(super) fn new(backend: Backend) -> Self {
        Self { shared: Shared::new(backend), config: Arc::default(), error: None }
    }

    /// The freshness lifetime of 2xx responses that state none. Default: 60 s, so **every 200 is
    /// stored** that nothing forbids to store, health checks and long polls too; see
    /// [`only_declared`](Self::only_declared). Zero: only responses which state a lifetime are stored.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.set(|config| config.ttl = Some(ttl))
    }

    /// Stores nothing whose response or [rule](Self::rule) does not say a lifetime: no default one is
    /// given, and none is guessed. [`ttl`](Self::ttl) and
    /// [`heuristic_freshness`](Self::heuristic_freshness) undo it.
    pub fn only_declared(self) -> Self {
        self.set(|config| {
            config.ttl = None;
            config.policy.heuristic = false;
        })
    }

    /// The longest body that is stored, in bytes. Default: 2 MiB. A longer one passes untouched.
    pub fn max_body(self, bytes: usize) -> Self {
        self.set(|config| config.max_body = bytes)
    }

    /// Caches only paths under this prefix, by whole segments, or under another included one.
    ///
    /// An unsafe request, such as a `PUT`, purges its path only where this cache or one of its clones in
    /// the process caches it. A process that changes what only others cache purges by
    /// [`handle`](Self::handle), which always goes to the store.
    pub fn include(self, prefix: impl Into<String>) -> Self {
        let prefix = absolute("include", prefix.into());
        self.set_with(prefix, |config, prefix| config.include.push(prefix))
    }

    /// Does not cache paths under this prefix, by whole segments: `/users/me` excludes
    /// `/users/me/orders` and not `/users/menu`. Other spellings of the path are excluded too.
    pub fn exclude(self, prefix: impl Into<String>) -> Self {
        let prefix = absolute("exclude", prefix.into());
        self.set_with(prefix, |config, prefix| config.exclude.push(prefix))
    }

    /// Caches only requests for which `predicate` is true. In a scope inside a cached app, what it
    /// keeps out is neither stored nor served by the cache outside.
    pub fn only_if<F>(self, predicate: F) -> Self
    where
        F: Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    {
        self.set(|config| config.only_if = Some(Predicate(Arc::new(predicate))))
    }

    /// Sets what holds for the paths of an actix path pattern, such as `/products/{id}`. Patterns
    /// match the whole path, also in a scope. The first rule whose pattern matches wins.
    pub fn rule(self, pattern: impl Into<String>, rule: Rule) -> Self {
        self.set(|config| config.rules.push((pattern.into(), rule)))
    }

    /// What clients are told of the freshness of responses that do not say it themselves.
    /// Default: nothing.
    pub fn client_cache(self, client: ClientCache) -> Self {
        self.set(|config| config.client = Some(client))
    }

    /// Whether responses carry `Cache-Status` (RFC 9211). Default: yes.
    pub fn cache_status(self, on: bool) -> Self {
        self.set(|config| config.cache_status = on)
    }

    /// Whether `Cache-Status` also tells the URL part of the key. Default: no, as it tells
    /// strangers what the key is made of (RFC 9211 s.6).
    pub fn cache_status_key(self, on: bool) -> Self {
        self.set(|config| config.status_key = on)
    }

    /// Adds `X-Cache: HIT`, `MISS`, `STALE` or `BYPASS` to responses.
    pub fn x_cache(self) -> Self {
        self.set(|config| config.x_cache = true)
    }

    /// Leaves further fields out of stored responses, which tell of one request only. Left out
    /// anyway: `X-Request-Id`, `X-Correlation-Id`, `Request-Id`, `Traceparent`, `Tracestate`,
    /// `Server-Timing`, `X-Runtime`.
    pub fn drop_field(self, name: &str) -> Self {
        let name = name
            .parse::<HeaderName>()
            .map_err(|_| ConfigError::new("drop_field", format!("`{name}` is not a field name")));
        self.set_with(name, |config, name| config.dropped.push(name))
    }

    /// How much memory entries may take, in bytes, of a cache in memory, alone or before Redis.
    /// Default: 64 MiB. What tables and allocator add counts as well: about 1 KiB for each entry
    /// beside its body. Entries that are of no more use, expired and past every stale window, go
    /// first, and then those that are not read again.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn capacity(self, bytes: u64) -> Self {
        self.set(|config| config.storage.capacity = bytes)
    }

    /// The secret under which credentials enter keys as digests. Default: for a cache in memory a
    /// random one; else one that is the same for everybody, which protects a short credential
    /// from nobody who can read the store. All processes of a fleet need the same secret.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn credential_secret(self, secret: impl AsRef<[u8]>) -> Self {
        self.set(|config| config.storage.secret = Some(secret.as_ref().to_vec()))
    }

    /// Where the cache reads the time; for tests.
    ///
    /// All clones have the clock of the one which is used first.
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|config| config.storage.clock = clock)
    }

    /// A handle to purge the cache with and to read its statistics.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used.
    pub fn handle(&self) -> Result<CacheHandle, ConfigError> {
        self.engine().map(CacheHandle::new)
    }

    /// What the cache has done since it was made.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used.
    pub fn stats(&self) -> Result<Stats, ConfigError> {
        self.engine().map(|engine| engine.stats())
    }

    /// Checks all settings, and whether the store answers.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used. A store that does not answer is told in
    /// [`Readiness::store`].
    pub async fn check(&self) -> Result<Readiness, ConfigError> {
        self.plan()?;
        let engine = self.engine()?;
        let store = engine.store().ping().await;
        let mut warnings = self.warnings();
        warnings.extend(engine.store().foreign_configuration().await);
        Ok(Readiness { warnings, store })
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>, ConfigError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let engine = self.shared.engine(&self.config)?;
        engine.query_rules().add(&self.config.keying.query);
        Ok(engine)
    }

    /// A warning, where each worker makes its own cache.
    pub(crate) fn second_of_its_line(&self) -> Option<String> {
        self.shared.second_of_its_line()
    }

    /// Whether nobody has been told this of the cache yet: every worker finds the same.
    pub(crate) fn is_news(&self, message: &str) -> bool {
        self.shared.is_news(message)
    }

    pub(crate) fn plan(&self) -> Result<Plan, ConfigError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let secret = self.shared.secret(&self.config)?;
        Plan::new(&self.config, secret, &self.shared.admin_paths())
    }

    #[cfg(feature = "admin")]
    pub(crate) fn add_admin_path(&self, path: &str) {
        self.shared.add_admin_path(path);
    }

    /// Settings that work and are probably not what was meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let config = &self.config;
        if config.ttl.is_some_and(|ttl| ttl.is_zero()) {
            warnings.push(
                "ttl is zero: only responses which state a lifetime themselves are stored".into(),
            );
        }
        if config.max_body == 0 {
            warnings.push("max_body is zero: only responses without a body are stored".into());
        }
        if config.storage.capacity == 0 {
            warnings.push("capacity is zero: nothing is kept".into());
        }
        if config.keying.auth.is_some() && config.keying.cookies_are_harmless {
            warnings.push("vary_by_auth and cookies_are_harmless contradict each other".into());
        }
        warnings.extend(config.filling.warning().map(Into::into));
        #[cfg(feature = "redis")]
        if self.shared.keyed_otherwise(config) {
            warnings.push(
                "another cache with the same store and prefix makes its keys in another way: \
                 what one of them stores, the other may not find"
                    .into(),
            );
        }
        warnings
    }

    pub(super) fn set(self, change: impl FnOnce(&mut Config)) -> Self {
        self.set_with(Ok(()), |config, ()| change(config))
    }

    /// Every setter is one call of this. The first mistake is kept: later ones often follow from
    /// it.
    pub(super) fn set_with<T>(
        mut self,
        value: Result<T, ConfigError>,
        change: impl FnOnce(&mut Config, T),
    ) -> Self {
        match value {
            Ok(value) => change(Arc::make_mut(&mut self.config), value),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }
}

/// A prefix that can match a path at all.
fn absolute(setting: &'static str, prefix: String) -> Result<String, ConfigError> {
    if prefix.starts_with('/') {
        Ok(prefix)
    } else {
        Err(ConfigError::new(setting, format!("`{prefix}` does not begin with `/`")))
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("error", &self.error).finish_non_exhaustive()
    }
}
