//! What a user says: settings as they are set, with their defaults.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{dev::ServiceRequest, http::header::HeaderName};

use crate::{clock::Clock, semantics::policy::Policy};

pub(crate) mod auth;
pub(crate) mod cache;
pub(crate) mod client;
mod cookies;
mod credentials;
pub(crate) mod downstream;
pub(crate) mod error;
pub(crate) mod filling;
mod key_settings;
pub(crate) mod keying;
mod letter;
mod paths;
pub(crate) mod plan;
#[cfg(feature = "redis")]
mod redis_settings;
pub(crate) mod rule;
mod shared;
mod survey;
mod target;

use client::ClientCache;
use filling::Filling;
use keying::Keying;
use rule::Rule;

/// All settings of one clone of a cache.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Config {
    /// `None`: what states no lifetime is not stored, and that is meant.
    ttl: Option<Duration>,
    policy: Policy,
    max_body: usize,
    filling: Filling,
    include: Vec<String>,
    exclude: Vec<String>,
    rules: Vec<(String, Rule)>,
    only_if: Option<Predicate>,
    keying: Keying,
    client: Option<ClientCache>,
    cache_status: bool,
    x_cache: bool,
    dropped: Vec<HeaderName>,
    forward_targets: bool,
    group_aliases: bool,
    query_method: bool,
    status_key: bool,
    storage: Storage,
}

/// Settings of the store, which all clones share.
#[derive(Clone, Debug)]
struct Storage {
    capacity: u64,
    #[cfg(feature = "redis")]
    redis: crate::store::redis::RedisOptions,
    secret: Option<Vec<u8>>,
    recording_budget: usize,
    clock: Clock,
}

impl Storage {
    /// The name of a setting in which the two differ; the clock, which only tests set, aside.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = |is_same: bool, setting: &'static str| (!is_same).then_some(setting);
        let own = differs(self.capacity == other.capacity, "capacity")
            .or(differs(self.secret == other.secret, "credential_secret"))
            .or(differs(self.recording_budget == other.recording_budget, "recording_budget"));
        #[cfg(feature = "redis")]
        let own = own.or_else(|| self.redis.difference(&other.redis));
        own
    }
}

#[cfg(feature = "redis")]
impl Config {
    /// What tells this application's configuration, as far as keys depend on it, from another's.
    fn fingerprint(&self) -> String {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(std::path::Path::file_stem);
        let rules: Vec<_> =
            self.rules.iter().map(|(pattern, rule)| (pattern, rule.bypass)).collect();
        let paths = (&self.include, &self.exclude, rules, self.query_method);
        let text = format!("{program:?} {:?} {paths:?}", self.keying);
        let digest = u128::from_be_bytes(crate::key::digest(text.as_bytes()));
        format!("{digest:032x}")
    }
}

/// A user's function that decides whether a request is for the cache.
#[derive(Clone)]
pub(crate) struct Predicate(pub(crate) Arc<dyn Fn(&ServiceRequest) -> bool + Send + Sync>);

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Some(Duration::from_secs(60)),
            policy: Policy::default(),
            max_body: 2 * 1024 * 1024,
            filling: Filling::default(),
            include: Vec::new(),
            exclude: Vec::new(),
            rules: Vec::new(),
            only_if: None,
            keying: Keying::default(),
            client: None,
            cache_status: true,
            x_cache: false,
            dropped: PER_REQUEST_FIELDS.map(HeaderName::from_static).to_vec(),
            forward_targets: false,
            group_aliases: false,
            query_method: false,
            status_key: false,
            storage: Storage::default(),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            capacity: 64 * 1024 * 1024,
            #[cfg(feature = "redis")]
            redis: crate::store::redis::RedisOptions::default(),
            secret: None,
            recording_budget: 64 * 1024 * 1024,
            clock: Clock::system(),
        }
    }
}

/// Fields that tell of one request, so that a replay of them would be a lie.
const PER_REQUEST_FIELDS: [&str; 7] = [
    "x-request-id",
    "x-correlation-id",
    "request-id",
    "traceparent",
    "tracestate",
    "server-timing",
    "x-runtime",
];
