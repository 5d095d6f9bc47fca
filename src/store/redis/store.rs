//! The store in Redis: what it is made of, and the operations of a [`Store`].

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    client::RedisClient,
    configuration::Configuration,
    connect::{RedisServers, ServersError, Timeouts},
    invalidation::{
        fence::{self, Fences},
        logical_clock,
        state::InvalidationState,
        subscriber::Subscriber,
        subscription::SubscriptionTask,
    },
    large::LargeValues,
    names::{self, Names},
    options::{RedisOptions, Replicas},
    pending_purges::PendingPurges,
    processes::Processes,
    removal::Removals,
};
#[cfg(feature = "memory")]
use crate::key::KeyDigests;
use crate::{
    clock::Clock,
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
    purge_log::PurgeState,
    store::{
        codec,
        error::{StoreError, StoreErrorKind},
        health::RedisHealth,
        interface::{Put, Store},
        lease::Lease,
        process::SeenProcess,
    },
};

/// Nothing is kept for longer, as Redis has a latest date.
pub(super) const MAX_TTL_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// Each group of an entry is one more index to write; what rules and responses name fits in.
pub(super) const MAX_GROUPS: usize = 256;

/// A [`Store`] in Redis.
pub(crate) struct RedisStore {
    pub(super) client: Arc<RedisClient>,
    pub(super) names: Names,
    pub(super) pending: Arc<PendingPurges>,
    pub(super) replicas: Option<Replicas>,
    pub(super) max_body: usize,
    pub(super) compress_above: Option<usize>,
    pub(super) invalidation: Arc<InvalidationState>,
    pub(super) subscriber: Arc<Subscriber>,
    pub(super) removals: Arc<Removals>,
    pub(super) large: Arc<LargeValues>,
    /// When [`Self::extend`] last was done, in seconds, counted from 1; 0 for never.
    pub(super) extended_at: AtomicU64,
    pub(super) corrupt: AtomicU64,
    pub(super) configuration: Arc<Configuration>,
    pub(super) processes: Arc<Processes>,
    pub(super) clock: Clock,
}

impl RedisStore {
    /// A store at these servers. Nothing is connected to before the first operation.
    pub(crate) fn new(
        servers: impl Into<RedisServers>,
        options: &RedisOptions,
    ) -> Result<Self, ServersError> {
        let RedisOptions { prefix, connect_timeout, response_timeout, access, .. } = options;
        let timeouts = Timeouts { connect: *connect_timeout, response: *response_timeout };
        let client = Arc::new(RedisClient::new(servers.into(), access, timeouts)?);
        if client.is_to_several() && !names::keeps_entries_in_a_slot(prefix) {
            return Err(ServersError::new("Redis::key_prefix", names::SPOILS_HASH_TAG));
        }
        let names = Names::new(prefix, client.database()).with_version(&options.process.version);
        let invalidation = Arc::new(InvalidationState::new());
        let processes = Processes::new(&names, &options.process);
        let subscriber = Arc::new(Subscriber::default());
        let removals = Removals::new(&client, &names, &subscriber);
        Ok(Self {
            pending: PendingPurges::new(&client, &names, &invalidation, &removals),
            client,
            names,
            replicas: options.replicas,
            max_body: options.max_body,
            compress_above: options.compress_above,
            invalidation,
            subscriber,
            removals,
            large: LargeValues::new(timeouts),
            extended_at: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            configuration: Configuration::new(&options.configuration),
            processes,
            clock: options.clock.clone(),
        })
    }

    /// What stands for keys in Redis.
    #[cfg(feature = "memory")]
    pub(in crate::store) fn key_digests(&self) -> &KeyDigests {
        self.names.digests()
    }

    /// What is known of what happens in Redis, kept up to date from the first use on.
    #[cfg(feature = "memory")]
    pub(in crate::store) const fn shared_invalidation(&self) -> &Arc<InvalidationState> {
        &self.invalidation
    }

    /// [`Store::purge_number`], and in the same exchange whether an entry that was read before may be renewed.
    pub(in crate::store) async fn purge_number_to_renew(
        &self,
        entry: &Entry,
    ) -> Result<(PurgeNumber, bool), StoreError> {
        self.check()?;
        self.invalidation();
        let replies = self.client.send(vec![fence::read(&self.names, entry)]).await?;
        self.client.check_answer()?;
        match replies.first().and_then(Fences::of) {
            Some(fences) => {
                let state = fences.state_of_fill(entry.since);
                let is_there = matches!(state, PurgeState::Valid | PurgeState::StaleSince(_));
                Ok((PurgeNumber::new(fences.now), is_there))
            }
            None => Ok((logical_clock::purge_number(&self.client, &self.names).await?, false)),
        }
    }

    /// Whether a purge that names `key` itself and came after this logical time is known.
    pub(in crate::store) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        self.invalidation.is_purged_since(key, since)
    }

    /// Whether Redis may be asked: every purge of this process is confirmed, and others have had time
    /// to repeat theirs.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.pending.check()?;
        self.client.check_settled()
    }

    /// What is known of what happens in Redis, kept up to date from now on.
    pub(super) fn invalidation(&self) -> &Arc<InvalidationState> {
        self.subscriber.start(|| SubscriptionTask {
            invalidation: Arc::clone(&self.invalidation),
            client: Arc::clone(&self.client),
            names: self.names.clone(),
            configuration: Arc::clone(&self.configuration),
            processes: Arc::clone(&self.processes),
            releases: Arc::clone(self.subscriber.releases()),
        });
        &self.invalidation
    }

    /// Whether the server answers, asked even while the breaker is open.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.client.send_unchecked(vec![redis::cmd("PING")]).await.map(drop)
    }

    /// A warning, where another configuration than this process's was the last to use the prefix.
    pub(crate) async fn foreign_configuration(&self) -> Option<String> {
        self.configuration.compare(&self.client, &self.names).await
    }

    /// The processes that share the prefix and were seen lately.
    pub(crate) async fn processes(&self) -> Result<Vec<SeenProcess>, StoreError> {
        self.invalidation();
        self.processes.list(&self.client).await
    }

    /// Drops what is kept under `key`.
    pub(crate) async fn forget(&self, key: &CacheKey) -> Result<(), StoreError> {
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(self.names.live(&self.names.digest(key)));
        self.client.send(vec![unlink]).await.map(drop)
    }

    /// Whether operations fail at once, because the server has not answered lately.
    pub(crate) fn is_open(&self) -> bool {
        self.client.is_open()
    }

    /// How many values were read that were none of ours, damaged, or of another version.
    pub(crate) fn corrupt(&self) -> u64 {
        self.corrupt.load(Ordering::Relaxed)
    }

    /// How it does.
    pub(crate) fn health(&self) -> RedisHealth {
        RedisHealth {
            is_subscribed: self.invalidation.is_trusted(),
            announcement_lag: self.invalidation.announcement_lag(),
            pending_purges: self.pending.len() as u64,
            corrupt: self.corrupt(),
            ..self.client.health()
        }
    }

    pub(super) async fn wait_for_replicas(&self) -> Result<(), StoreError> {
        match self.replicas {
            Some(replicas) => self.client.wait_for_replicas(&self.names.wait(), replicas).await,
            None => Ok(()),
        }
    }
}

impl Store for RedisStore {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.check()?;
        self.invalidation();
        let mark = logical_clock::purge_number(&self.client, &self.names).await?;
        self.client.check_answer().map(|()| mark)
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.get_as_of(key).await?.map(|(entry, _)| entry))
    }

    async fn put(&self, entry: Arc<Entry>, ttl: Duration) -> Result<Put, StoreError> {
        let keep = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).min(MAX_TTL_MS);
        if keep == 0 {
            return Ok(Put::Refused);
        }
        if entry.groups.len() > MAX_GROUPS {
            return Err(StoreError::with_source(StoreErrorKind::Refused, "too many groups"));
        }
        self.check()?;
        let digest = self.names.digest(&entry.key);
        if self.large.known().is_backing_off(&digest) {
            let problem = "a large value did not arrive in time and counts as missing for a while";
            return Err(StoreError::with_source(StoreErrorKind::Unavailable, problem));
        }
        if entry.response().is_some_and(|response| response.stored_body().len() > self.max_body) {
            // what it was to replace is not to outlive it
            self.forget(&entry.key).await?;
            return Err(StoreError::new(StoreErrorKind::TooLarge));
        }
        let encoded = codec::encode_above(&entry, self.compress_above)?;
        let admission = self.prepare(&entry, &encoded, &self.names.staged(&digest), keep).await?;
        self.client.check_answer()?;
        self.publish(&encoded, admission, &digest, keep).await
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        self.purge_together(std::slice::from_ref(purge)).await
    }

    async fn lease(&self, key: &CacheKey, at_most: Duration) -> Result<Lease, StoreError> {
        self.request_lease(key, at_most).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RedisStore");
        debug.field("address", &self.client.address()).field("names", &self.names);
        debug.field("is_open", &self.is_open()).field("corrupt", &self.corrupt());
        debug.field("pending", &self.pending);
        debug.finish_non_exhaustive()
    }
}
