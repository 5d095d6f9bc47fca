//! What all clones of a cache share: the store, made when it is first needed, and the memory of
//! how it is used, for warnings.

use std::collections::HashSet;
#[cfg(feature = "memory")]
use std::hash::{BuildHasher as _, RandomState};
use std::{
    panic::Location,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[cfg(feature = "redis")]
use super::all_settings::program;
#[cfg(feature = "redis")]
use super::key_rules::KeyRules;
#[cfg(feature = "redis")]
use super::settings::redis::Redis;
use super::{all_settings::Config, error::ConfigError, settings::store::Backend};
#[cfg(feature = "redis")]
use crate::store::redis::RedisStore;
use crate::{
    engine::Engine,
    key::Secret,
    store::{any::AnyStore, process::Process},
};

/// How many caches of one process over one place in Redis are compared.
#[cfg(feature = "redis")]
const MAX_CACHES: usize = 64;

/// What all clones of a cache share.
#[derive(Debug)]
pub(super) struct Shared {
    backend: Backend,
    engine: OnceLock<Arc<Engine>>,
    /// The secret of clones that set none.
    secret: Secret,
    admin_paths: Mutex<Vec<String>>,
    reported: Mutex<HashSet<String>>,
    /// What tells this cache from others of the process.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "caches in Redis are compared"))]
    number: u64,
    /// The line of the application that has made the cache.
    made_at: &'static Location<'static>,
}

impl Shared {
    #[track_caller]
    pub(super) fn new(backend: Backend) -> Arc<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            secret: default_secret(&backend),
            backend,
            engine: OnceLock::new(),
            admin_paths: Mutex::default(),
            reported: Mutex::default(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            made_at: Location::caller(),
        })
    }

    pub(super) fn is_first_report(&self, message: &str) -> bool {
        lock(&self.reported).insert(message.to_owned())
    }

    #[cfg(feature = "admin")]
    pub(super) fn add_admin_path(&self, path: &str) {
        lock(&self.admin_paths).push(path.to_owned());
    }

    pub(super) fn admin_paths(&self) -> Vec<String> {
        lock(&self.admin_paths).clone()
    }

    /// What is wrong with the path of an admin scope: it is excluded from the cache as it is written,
    /// and so it is no pattern.
    pub(super) fn admin_error(&self) -> Option<ConfigError> {
        let paths = lock(&self.admin_paths);
        let path =
            paths.iter().find(|path| !path.starts_with('/') || path.contains(['{', '}', '*']))?;
        let problem = format!("`{path}` does not begin with `/`, or is a pattern");
        Some(ConfigError::new("admin", problem))
    }

    /// The engine over the store; made with these settings if this is the first call.
    pub(super) fn engine(&self, config: &Config) -> Result<Arc<Engine>, ConfigError> {
        if let Some(engine) = self.engine.get() {
            return Ok(Arc::clone(engine));
        }
        let process = Process::new(&config.name(), &config.version, config.clock.now());
        let store = self.store(config, &process)?;
        let engine = Engine::new(store, process, config.clock.clone());
        Ok(Arc::clone(self.engine.get_or_init(|| engine)))
    }

    /// The secret under which a clone with these settings digests credentials.
    pub(super) fn secret(&self, config: &Config) -> Secret {
        let own = config.credentials.secret.as_ref();
        own.map_or_else(|| self.secret.clone(), |material| Secret::new(&material.0))
    }

    #[cfg_attr(
        not(feature = "redis"),
        allow(unused_variables, clippy::unnecessary_wraps, reason = "only a URL can be wrong")
    )]
    fn store(&self, config: &Config, process: &Process) -> Result<AnyStore, ConfigError> {
        match &self.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => {
                use crate::store::memory::MemoryStore;
                let store = MemoryStore::new(memory.max_capacity, config.clock.clone());
                Ok(AnyStore::Memory(store))
            }
            #[cfg(feature = "redis")]
            Backend::Redis(servers) => {
                Ok(AnyStore::Redis(Arc::new(redis(servers, config, process)?)))
            }
            #[cfg(all(feature = "memory", feature = "redis"))]
            Backend::Tiered(tiers) => {
                use crate::store::tiered::TieredStore;
                let far = redis(&tiers.redis, config, process)?;
                let near = tiers.memory.max_capacity;
                let store = TieredStore::new(near, config.clock.clone(), far);
                Ok(AnyStore::Tiered(Arc::new(store)))
            }
            Backend::Custom(store) => Ok(store.clone()),
        }
    }

    /// Settings that work and are probably not what was meant.
    pub(super) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(self.backend.warning().map(Into::into));
        #[cfg(feature = "redis")]
        if self.has_other_keys(config) {
            warnings.push(
                "another cache with the same store and prefix makes its keys in another way: \
                 what one of them stores, the other may not find"
                    .into(),
            );
        }
        #[cfg(not(feature = "redis"))]
        let _ = config;
        warnings
    }

    /// Remembers how keys are made in this store, and says whether another cache of this process uses
    /// the same place in Redis and makes all of its keys in other ways. Clones may differ: handles
    /// know the rules of all of them.
    #[cfg(feature = "redis")]
    fn has_other_keys(&self, config: &Config) -> bool {
        type Ways = std::collections::HashMap<u64, HashSet<String>>;
        static PLACES: OnceLock<Mutex<std::collections::HashMap<String, Ways>>> = OnceLock::new();
        let Some(redis) = self.backend.redis() else { return false };
        let mut places = lock(PLACES.get_or_init(Mutex::default));
        let place = format!("{} {}", redis.servers.identity(), redis.options.prefix);
        let ways = places.entry(place).or_default();
        let own = self.number;
        if ways.len() >= MAX_CACHES && !ways.contains_key(&own) {
            return false;
        }
        ways.entry(own).or_default().insert(format!("{:?}", KeyRules::new(config)));
        let Some(ours) = ways.get(&own) else { return false };
        ways.iter().any(|(other, theirs)| *other != own && theirs.is_disjoint(ours))
    }

    /// What is wrong if the line that has made this cache makes one in memory for each worker; reported
    /// once for each line.
    pub(super) fn second_cache_warning(&self) -> Option<String> {
        type Line = (&'static str, u32, u32);
        struct First {
            engine: std::sync::Weak<Engine>,
            is_reported: bool,
        }
        static LINES: OnceLock<Mutex<std::collections::HashMap<Line, First>>> = OnceLock::new();
        if !self.backend.is_in_memory() {
            return None;
        }
        // what its workers hold, where the cache itself may be gone
        let engine = self.engine.get()?;
        let at = self.made_at;
        let mut lines = lock(LINES.get_or_init(Mutex::default));
        let first = lines
            .entry((at.file(), at.line(), at.column()))
            .or_insert_with(|| First { engine: Arc::downgrade(engine), is_reported: false });
        match first.engine.upgrade() {
            None => first.engine = Arc::downgrade(engine),
            Some(other) if !Arc::ptr_eq(&other, engine) && !first.is_reported => {
                first.is_reported = true;
                return Some(format!(
                    "{at} makes a second cache in memory: each worker then has its own, and a purge \
                     reaches one of them. Make the cache once, outside of the closure that makes the \
                     app, and clone it in"
                ));
            }
            Some(_) => {}
        }
        None
    }
}

/// Digests in memory need to be understood by this process only; in a store that outlives it, by
/// every process.
fn default_secret(backend: &Backend) -> Secret {
    match backend {
        #[cfg(feature = "memory")]
        Backend::Memory(_) => {
            let random = [(); 4].map(|()| RandomState::new().hash_one(0_u8).to_ne_bytes());
            Secret::new(random.as_flattened())
        }
        _ => Secret::new(b""),
    }
}

#[cfg(feature = "redis")]
fn redis(redis: &Redis, config: &Config, process: &Process) -> Result<RedisStore, ConfigError> {
    let mut options = redis.options.clone();
    options.configuration = fingerprint(config);
    options.process = process.clone();
    options.clock = config.clock.clone();
    let store = RedisStore::new(redis.servers.clone(), &options);
    store.map_err(|error| ConfigError::new(error.setting, error.to_string()))
}

/// What tells this application's configuration, as far as keys depend on it, from another's.
#[cfg(feature = "redis")]
fn fingerprint(config: &Config) -> String {
    let program = program();
    let text = format!("{program:?} {:?} {:?}", KeyRules::new(config), config.path_settings());
    let digest = u128::from_be_bytes(crate::key::digest(text.as_bytes()));
    format!("{digest:032x}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
