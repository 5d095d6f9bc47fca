//! `ResponseCache`: how it is made, checked and compiled. Its settings stand in `cache_settings.rs`.

use std::{fmt, sync::Arc};

#[cfg(feature = "memory")]
use super::settings::memory::Memory;
#[cfg(feature = "redis")]
use super::settings::redis::Redis;
#[cfg(all(feature = "memory", feature = "redis"))]
use super::settings::tiered::Tiered;
use super::{
    all_settings::Config, error::ConfigError, plan::Plan, query_rules, settings::store::IntoStore,
    shared::Shared, warnings::warnings,
};
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
/// only when there is no stored response. An authorisation check therefore belongs outside (register
/// it after the cache), or into the key ([`vary_by_auth`](Self::vary_by_auth)).
///
/// # Mistakes in settings
///
/// A setter that is given something impossible keeps the error; the server then does not start,
/// with a message that names the setting. [`check`](Self::check) reports it earlier. A Redis that does
/// not answer is no mistake: requests are then answered by their handlers.
///
/// # Settings
///
/// Everyday settings are methods of this type. The others stand in groups, which are plain values:
/// [`HandlerPolicy`](crate::HandlerPolicy), [`Coalescing`](crate::Coalescing),
/// [`Compliance`](crate::Compliance), [`Credentials`](crate::Credentials), [`Query`](crate::Query) and
/// [`Responses`](crate::Responses). A clone that sets a group replaces it whole. Settings of a store belong to the store: `Memory`,
/// `Redis`, `Tiered`.
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
    /// A cache in this store: [`Memory`](crate::Memory), [`Redis`](crate::Redis), [`Tiered`](crate::Tiered), or a
    /// [`Store`](crate::Store) of the application's own. Each of them carries its own settings.
    #[track_caller]
    pub fn new(store: impl IntoStore) -> Self {
        let backend = store.into_backend().0;
        Self { shared: Shared::new(backend), config: Arc::default(), error: None }
    }

    /// A cache in the process's own memory, of 64 MiB: short for [`Memory::new`](crate::Memory::new).
    ///
    /// **Make it once, outside of the closure that makes the app, and clone it in.** Made inside, each
    /// worker has its own cache. A purge reaches one of them, and the others still serve what was
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

    /// A handle to purge the cache with and to read its statistics.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used.
    pub fn handle(&self) -> Result<CacheHandle, ConfigError> {
        self.engine().map(CacheHandle::new)
    }

    /// Checks all settings, and whether the store answers; warns of settings that have no effect where
    /// they stand, and of rules that an earlier rule shadows.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used. A store that does not answer is reported in
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
        engine.purge_hooks().add(&config.purge_hooks);
        engine.query_rules().add(&query_rules::id(config), || query_rules::by_path(config))?;
        Ok(engine)
    }

    /// The settings, where none is a mistake.
    fn config(&self) -> Result<&Arc<Config>, ConfigError> {
        let error = self.error.clone().or_else(|| self.config.error());
        let error = error.or_else(|| self.shared.admin_error());
        error.map_or(Ok(&self.config), Err)
    }

    /// A warning, where each worker makes its own cache.
    pub(crate) fn second_cache_warning(&self) -> Option<String> {
        self.shared.second_cache_warning()
    }

    /// Whether this is reported for the first time: every worker finds the same.
    pub(crate) fn is_first_report(&self, message: &str) -> bool {
        self.shared.is_first_report(message)
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

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("error", &self.error).finish_non_exhaustive()
    }
}
