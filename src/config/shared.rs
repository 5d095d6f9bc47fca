//! What all clones of a cache share: the store, made when it is first needed, and the memory of
//! how it is used, for warnings.

use std::collections::HashSet;
#[cfg(feature = "memory")]
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Storage, error::ConfigError, keying::Keying};
#[cfg(feature = "redis")]
use crate::store::redis::{RedisServers, RedisStore};
use crate::{engine::Engine, key::Secret, store::any::AnyStore};

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
    keying: Mutex<Option<String>>,
    told: Mutex<HashSet<String>>,
}

#[derive(Debug)]
struct Made {
    engine: Arc<Engine>,
    secret: Secret,
}

impl Shared {
    pub(super) fn new(backend: Backend) -> Arc<Self> {
        Arc::new(Self {
            backend,
            made: OnceLock::new(),
            admin_paths: Mutex::default(),
            keying: Mutex::default(),
            told: Mutex::default(),
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
    pub(super) fn engine(&self, storage: &Storage) -> Result<Arc<Engine>, ConfigError> {
        self.made(storage).map(|made| Arc::clone(&made.engine))
    }

    pub(super) fn secret(&self, storage: &Storage) -> Result<Secret, ConfigError> {
        self.made(storage).map(|made| made.secret.clone())
    }

    fn made(&self, storage: &Storage) -> Result<&Made, ConfigError> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let store = self.store(storage)?;
        let secret = match &storage.secret {
            Some(material) => Secret::new(material),
            None => self.default_secret(),
        };
        let engine =
            Engine::new(store, storage.clock.clone(), secret.clone(), storage.recording_budget);
        Ok(self.made.get_or_init(|| Made { engine, secret }))
    }

    #[cfg_attr(
        not(feature = "redis"),
        allow(unused_variables, clippy::unnecessary_wraps, reason = "only a URL can be wrong")
    )]
    fn store(&self, storage: &Storage) -> Result<AnyStore, ConfigError> {
        match &self.backend {
            #[cfg(feature = "memory")]
            Backend::Memory => {
                use crate::store::memory::MemoryStore;
                Ok(AnyStore::Memory(MemoryStore::new(storage.capacity)))
            }
            #[cfg(feature = "redis")]
            Backend::Redis(servers) => Ok(AnyStore::Redis(Arc::new(redis(servers, storage)?))),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Backend::Tiered(servers) => {
                use crate::store::tiered::TieredStore;
                let store = TieredStore::new(storage.capacity, redis(servers, storage)?);
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

    /// Remembers how keys are made in this store, and says whether another cache makes them in
    /// another way.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables))]
    pub(super) fn keyed_otherwise(&self, storage: &Storage, keying: &Keying) -> bool {
        let keying = format!("{keying:?}");
        #[cfg(feature = "redis")]
        if let Some(servers) = self.servers() {
            static PLACES: OnceLock<Mutex<std::collections::HashMap<String, String>>> =
                OnceLock::new();
            let mut places = lock(PLACES.get_or_init(Mutex::default));
            let place = format!("{} {}", servers.place(), storage.redis.prefix);
            return *places.entry(place).or_insert_with(|| keying.clone()) != keying;
        }
        *lock(&self.keying).get_or_insert_with(|| keying.clone()) != keying
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

#[cfg(feature = "redis")]
fn redis(servers: &RedisServers, storage: &Storage) -> Result<RedisStore, ConfigError> {
    let store = RedisStore::new(servers.clone(), &storage.redis);
    store.map_err(|error| ConfigError::new(error.setting, error.to_string()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
