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

use super::{Config, Storage, error::ConfigError};
#[cfg(feature = "redis")]
use crate::store::redis::{RedisServers, RedisStore};
use crate::{engine::Engine, key::Secret, store::any::AnyStore};

/// How many caches of one process over one place in Redis are compared.
#[cfg(feature = "redis")]
const MAX_CACHES: usize = 64;

/// Where entries will be kept.
#[derive(Debug)]
pub(super) enum Backend {
    #[cfg(feature = "memory")]
    Memory,
    #[cfg(feature = "redis")]
    Redis(RedisServers),
    #[cfg(all(feature = "memory", feature = "redis"))]
    Tiered(RedisServers),
    Custom(AnyStore),
}

/// What all clones of a cache share.
#[derive(Debug)]
pub(super) struct Shared {
    backend: Backend,
    made: OnceLock<Made>,
    admin_paths: Mutex<Vec<String>>,
    told: Mutex<HashSet<String>>,
    /// What tells this cache from others of the process.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "caches in Redis are compared"))]
    number: u64,
    /// The line of the application that has made the cache.
    made_at: &'static Location<'static>,
}

#[derive(Debug)]
struct Made {
    engine: Arc<Engine>,
    secret: Secret,
    storage: Storage,
}

impl Shared {
    #[track_caller]
    pub(super) fn new(backend: Backend) -> Arc<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            backend,
            made: OnceLock::new(),
            admin_paths: Mutex::default(),
            told: Mutex::default(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            made_at: Location::caller(),
        })
    }

    pub(super) fn is_news(&self, message: &str) -> bool {
        lock(&self.told).insert(message.to_owned())
    }

    #[cfg(feature = "admin")]
    pub(super) fn add_admin_path(&self, path: &str) {
        lock(&self.admin_paths).push(path.to_owned());
    }

    pub(super) fn admin_paths(&self) -> Vec<String> {
        lock(&self.admin_paths).clone()
    }

    /// The engine over the store; made with these settings if this is the first call.
    pub(super) fn engine(&self, config: &Config) -> Result<Arc<Engine>, ConfigError> {
        self.made(config).map(|made| Arc::clone(&made.engine))
    }

    pub(super) fn secret(&self, config: &Config) -> Result<Secret, ConfigError> {
        self.made(config).map(|made| made.secret.clone())
    }

    fn made(&self, config: &Config) -> Result<&Made, ConfigError> {
        let storage = &config.storage;
        if let Some(made) = self.made.get() {
            return made.if_same(storage);
        }
        let store = self.store(config)?;
        let secret = match &storage.secret {
            Some(material) => Secret::new(material),
            None => self.default_secret(),
        };
        let engine =
            Engine::new(store, storage.clock.clone(), secret.clone(), storage.recording_budget);
        let made = Made { engine, secret, storage: storage.clone() };
        self.made.get_or_init(|| made).if_same(storage)
    }

    #[cfg_attr(
        not(feature = "redis"),
        allow(unused_variables, clippy::unnecessary_wraps, reason = "only a URL can be wrong")
    )]
    fn store(&self, config: &Config) -> Result<AnyStore, ConfigError> {
        match &self.backend {
            #[cfg(feature = "memory")]
            Backend::Memory => {
                use crate::store::memory::MemoryStore;
                let storage = &config.storage;
                let store = MemoryStore::new(storage.capacity, storage.clock.clone());
                Ok(AnyStore::Memory(store))
            }
            #[cfg(feature = "redis")]
            Backend::Redis(servers) => Ok(AnyStore::Redis(Arc::new(redis(servers, config)?))),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Backend::Tiered(servers) => {
                use crate::store::tiered::TieredStore;
                let (capacity, clock) = (config.storage.capacity, config.storage.clock.clone());
                let store = TieredStore::new(capacity, clock, redis(servers, config)?);
                Ok(AnyStore::Tiered(Arc::new(store)))
            }
            Backend::Custom(store) => Ok(store.clone()),
        }
    }

    /// Digests in memory need to be understood by this process only; in a store that outlives it,
    /// by every process.
    fn default_secret(&self) -> Secret {
        match &self.backend {
            #[cfg(feature = "memory")]
            Backend::Memory => {
                let random = [(); 4].map(|()| RandomState::new().hash_one(0_u8).to_ne_bytes());
                Secret::new(random.as_flattened())
            }
            _ => Secret::new(b""),
        }
    }

    /// Remembers how keys are made in this store, and says whether another cache of this process uses
    /// the same place in Redis and makes all of its keys in other ways. Clones may differ: handles
    /// know the rules of all of them.
    #[cfg(feature = "redis")]
    pub(super) fn keyed_otherwise(&self, config: &Config) -> bool {
        type Ways = std::collections::HashMap<u64, HashSet<String>>;
        static PLACES: OnceLock<Mutex<std::collections::HashMap<String, Ways>>> = OnceLock::new();
        let Some(servers) = self.servers() else { return false };
        let mut places = lock(PLACES.get_or_init(Mutex::default));
        let place = format!("{} {}", servers.place(), config.storage.redis.prefix);
        let ways = places.entry(place).or_default();
        let own = self.number;
        if ways.len() >= MAX_CACHES && !ways.contains_key(&own) {
            return false;
        }
        ways.entry(own).or_default().insert(format!("{:?}", config.keying));
        let Some(ours) = ways.get(&own) else { return false };
        ways.iter().any(|(other, theirs)| *other != own && theirs.is_disjoint(ours))
    }

    /// What is wrong if the line that has made this cache makes one in memory for each worker; told
    /// once for each line.
    pub(super) fn second_of_its_line(&self) -> Option<String> {
        type Line = (&'static str, u32, u32);
        struct First {
            engine: std::sync::Weak<Engine>,
            is_told: bool,
        }
        static LINES: OnceLock<Mutex<std::collections::HashMap<Line, First>>> = OnceLock::new();
        if !self.is_in_memory() {
            return None;
        }
        // what its workers hold, where the cache itself may be gone
        let engine = &self.made.get()?.engine;
        let at = self.made_at;
        let mut lines = lock(LINES.get_or_init(Mutex::default));
        let first = lines
            .entry((at.file(), at.line(), at.column()))
            .or_insert_with(|| First { engine: Arc::downgrade(engine), is_told: false });
        match first.engine.upgrade() {
            None => first.engine = Arc::downgrade(engine),
            Some(other) if !Arc::ptr_eq(&other, engine) && !first.is_told => {
                first.is_told = true;
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

    /// Whether entries are kept in the process's own memory, alone or before Redis.
    fn is_in_memory(&self) -> bool {
        match self.backend {
            #[cfg(feature = "memory")]
            Backend::Memory => true,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Backend::Tiered(_) => true,
            _ => false,
        }
    }

    #[cfg(feature = "redis")]
    fn servers(&self) -> Option<&RedisServers> {
        match &self.backend {
            Backend::Redis(servers) => Some(servers),
            #[cfg(feature = "memory")]
            Backend::Tiered(servers) => Some(servers),
            _ => None,
        }
    }
}

impl Made {
    /// It, unless a clone asks for another store than the one that all share.
    fn if_same(&self, storage: &Storage) -> Result<&Self, ConfigError> {
        let Some(setting) = self.storage.difference(storage) else { return Ok(self) };
        let problem = "clones of a cache share its store, which has been made with another value: set \
                       it before the cache is cloned or used";
        Err(ConfigError::new(setting, problem))
    }
}

#[cfg(feature = "redis")]
fn redis(servers: &RedisServers, config: &Config) -> Result<RedisStore, ConfigError> {
    let mut options = config.storage.redis.clone();
    options.configuration = config.fingerprint();
    options.clock = config.storage.clock.clone();
    let store = RedisStore::new(servers.clone(), &options);
    store.map_err(|error| ConfigError::new(error.setting, error.to_string()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
