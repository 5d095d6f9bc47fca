//! `ResponseCache`: its constructors, and its settings as chained setters of one call each.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::HttpRequest;

#[cfg(feature = "memory")]
use super::settings::memory::Memory;
#[cfg(feature = "redis")]
use super::settings::redis::Redis;
#[cfg(all(feature = "memory", feature = "redis"))]
use super::settings::tiered::Tiered;
use super::{
    all_settings::Config,
    auth::Auth,
    client::ClientCache,
    error::ConfigError,
    functions::{Predicate, RequestFn},
    plan::Plan,
    query_rules,
    rule::Rule,
    settings::{
        coalescing::Coalescing, compliance::Compliance, credentials::Credentials,
        handlers::HandlerPolicy, header_names::header_name, query::Query, responses::Responses,
        setting::Setting, store::IntoStore,
    },
    shared::Shared,
    warnings::warnings,
};
#[cfg(feature = "testing")]
use crate::clock::Clock;
use crate::{
    engine::{Engine, handle::CacheHandle},
    store::StoreError,
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
pub struct CheckReport {
    /// Settings that work and are probably not what was meant.
    pub warnings: Vec<String>,
    /// Whether the store answers.
    pub store: Result<(), StoreError>,
}

impl ResponseCache {
    /// A cache in this store: [`Memory`], [`Redis`](crate::Redis), [`Tiered`](crate::Tiered), or a
    /// [`Store`](crate::Store) of the application's own. Each of them carries its own settings.
    #[track_caller]
    pub fn new(store: impl IntoStore) -> Self {
        let backend = store.into_backend().0;
        Self { shared: Shared::new(backend), config: Arc::default(), error: None }
    }

    /// A cache in the process's own memory, of 64 MiB: short for [`Memory::new`](crate::Memory::new).
    ///
    /// **Make it once, outside of the closure that makes the app, and clone it in.** Made inside, each
    /// worker has its own cache. A purge reaches one of them, and the others still answer with what was
    /// purged. The log warns of it.
    #[cfg(feature = "memory")]
    #[track_caller]
    pub fn memory() -> Self {
        Self::new(Memory::new())
    }

    /// A cache in the Redis at this URL, such as `redis://user:password@host:6379/0`: short for
    /// [`Redis::new`](crate::Redis::new).
    #[cfg(feature = "redis")]
    #[track_caller]
    pub fn redis(url: impl Into<String>) -> Self {
        Self::new(Redis::new(url))
    }

    /// A cache in memory before the Redis at this URL: short for
    /// [`Tiered::new`](crate::Tiered::new). **Make it once, outside of the closure that makes the app,
    /// and clone it in**, or each worker has a memory of its own.
    #[cfg(all(feature = "memory", feature = "redis"))]
    #[track_caller]
    pub fn tiered(url: impl Into<String>) -> Self {
        Self::new(Tiered::new(Memory::new(), Redis::new(url)))
    }

    /// The freshness lifetime of 2xx responses that state none. Default: 60 s, so **every 200 is
    /// stored** that nothing forbids to store, health checks and long polls too; zero under
    /// [`Compliance::strict`]. `None` or zero: only responses are stored whose handler or
    /// [rule](Self::rule) states a lifetime; with `None` none is guessed either, unless
    /// [`Compliance::heuristic_freshness`] says so.
    pub fn ttl(self, ttl: impl Into<Option<Duration>>) -> Self {
        let ttl = ttl.into();
        self.set(|config| config.ttl = Setting::Set(ttl))
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

    /// Sets what holds for the paths of an actix path pattern, such as `/products/{id}`. Patterns
    /// match the whole path, also in a scope. The first rule whose pattern matches wins.
    pub fn rule(self, pattern: impl Into<String>, rule: Rule) -> Self {
        self.set(|config| config.rules.push((pattern.into(), rule)))
    }

    /// Caches only requests for which `predicate` is true. In a scope inside a cached app, what it
    /// keeps out is neither stored nor served by the cache outside.
    pub fn only_if<F>(self, predicate: F) -> Self
    where
        F: Fn(&HttpRequest) -> bool + Send + Sync + 'static,
    {
        self.set(|config| config.only_if = Some(Predicate::new(predicate)))
    }

    /// What clients are told of the freshness of responses that do not say it themselves. Default:
    /// `None`, nothing.
    pub fn client_cache(self, client: impl Into<Option<ClientCache>>) -> Self {
        let client = client.into();
        self.set(|config| config.client = client)
    }

    /// How the one who asks becomes part of the key. Default: `None`, not at all: requests with a
    /// credential then only get and leave responses which say that they may be shared.
    pub fn vary_by_auth(self, auth: impl Into<Option<Auth>>) -> Self {
        let auth = auth.into();
        self.set(|config| config.auth = auth)
    }

    /// Makes a request header part of the key, for responses that depend on it without `Vary`.
    pub fn vary_by_header(self, name: impl AsRef<str>) -> Self {
        let name = header_name("vary_by_header", name.as_ref());
        self.set_with(name, |config, name| config.keyed_headers.push(name))
    }

    /// Makes a cookie part of the key. It then no longer counts as a credential.
    pub fn vary_by_cookie(self, name: impl Into<String>) -> Self {
        self.set(|config| config.keyed_cookies.push(name.into()))
    }

    /// Makes what `function` says of a request part of the key. Requests for which it says `None`
    /// bypass the cache. Caches downstream do not know the function, so responses leave as `private`.
    pub fn key_fn<F>(self, function: F) -> Self
    where
        F: Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
    {
        self.set(|config| config.key_fn = Some(RequestFn::new(function)))
    }

    /// How the query of a URL becomes part of the key. Default: [`Query::as_received`].
    pub fn query(self, query: Query) -> Self {
        self.set(|config| config.query = query)
    }

    /// Which cookies and headers say who is asking.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.set(|config| config.credentials = credentials)
    }

    /// How long past its lifetime a response may be served at once while it is refreshed in the
    /// background, where it does not say so itself (RFC 5861 s.3). Default: zero, not at all.
    ///
    /// One refresh per key runs at a time, over all workers of the process; after one that failed
    /// there is none for [a while](crate::HandlerPolicy::failure_backoff).
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`]: a rule can say it for them.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        self.set(|config| config.while_revalidate = window)
    }

    /// How long past its lifetime a response may be served in place of a handler that fails (an error,
    /// 500, 502, 503 or 504), where it does not say so itself (RFC 5861 s.4). Default: zero, not at
    /// all.
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`]: a rule can say it for them.
    pub fn stale_if_error(self, window: Duration) -> Self {
        self.set(|config| config.if_error = window)
    }

    /// How handlers are called: timeouts, background refreshes, and what follows a failure.
    pub fn handlers(self, policy: HandlerPolicy) -> Self {
        self.set(|config| config.handlers = policy)
    }

    /// How requests that need the same response wait for one handler call.
    pub fn coalescing(self, coalescing: Coalescing) -> Self {
        self.set(|config| config.coalescing = coalescing)
    }

    /// How closely the cache follows the RFCs. Default: [`Compliance::careful`].
    pub fn compliance(self, compliance: Compliance) -> Self {
        self.set(|config| config.compliance = compliance)
    }

    /// How responses are stored and labelled.
    pub fn responses(self, responses: Responses) -> Self {
        self.set(|config| config.responses = responses)
    }

    /// Where the cache reads the time; for tests. All clones have the clock of the one which is used
    /// first.
    #[cfg(feature = "testing")]
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|config| config.clock = clock)
    }

    /// A handle to purge the cache with and to read its statistics.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used.
    pub fn handle(&self) -> Result<CacheHandle, ConfigError> {
        self.engine().map(CacheHandle::new)
    }

    /// Checks all settings, and whether the store answers.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used. A store that does not answer is told in
    /// [`CheckReport::store`].
    pub async fn check(&self) -> Result<CheckReport, ConfigError> {
        let _ = self.plan()?;
        let engine = self.engine()?;
        let store = engine.store().ping().await;
        let mut warnings = self.warnings();
        warnings.extend(engine.store().foreign_configuration().await);
        Ok(CheckReport { warnings, store })
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>, ConfigError> {
        let config = self.config()?;
        let engine = self.shared.engine(config)?;
        engine.query_rules().add(&query_rules::id(config), || query_rules::by_path(config))?;
        Ok(engine)
    }

    /// The settings, where none is a mistake.
    fn config(&self) -> Result<&Arc<Config>, ConfigError> {
        let error = self.error.clone().or_else(|| self.config.error());
        error.map_or(Ok(&self.config), Err)
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
        let config = self.config()?;
        let secret = self.shared.secret(config);
        Plan::new(config, secret, &self.shared.admin_paths())
    }

    #[cfg(feature = "admin")]
    pub(crate) fn add_admin_path(&self, path: &str) {
        self.shared.add_admin_path(path);
    }

    /// Settings that work and are probably not what was meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = warnings(&self.config);
        warnings.extend(self.shared.warnings(&self.config));
        warnings
    }

    fn set(self, change: impl FnOnce(&mut Config)) -> Self {
        self.set_with(Ok(()), |config, ()| change(config))
    }

    /// Every setter is one call of this. The first mistake is kept: later ones often follow from
    /// it.
    fn set_with<T>(
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
