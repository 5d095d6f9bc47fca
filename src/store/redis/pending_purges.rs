//! Purges that Redis has not confirmed: kept, and repeated before anything of it is trusted again.
//! It is not known whether such a purge has arrived; carrying it out twice does no harm.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::runtime::Handle;

use super::{
    client::RedisClient,
    invalidation::{logical_clock, state::InvalidationState},
    names::Names,
    raise,
    removal::{Removal, Removals},
    settling::MAX_PROBE_PAUSE,
};
use crate::{
    purge::{Purge, Purged, queue::PurgeQueue},
    store::error::{StoreError, StoreErrorKind},
};

/// How many purges are kept; more become one of everything. Their fences are raised while others
/// [settle](super::settling).
const MAX_PURGES: usize = 512;
/// How many fences are raised in one exchange.
const MAX_FENCES: usize = 64;
/// How long to wait after the first attempt that failed; each time twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The purges of one store that are to be repeated.
pub(super) struct PendingPurges {
    client: Arc<RedisClient>,
    names: Names,
    invalidation: Arc<InvalidationState>,
    removals: Arc<Removals>,
    /// Whether there are any, so that a hit takes no lock.
    any: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    queued: PurgeQueue,
    /// The one that is being repeated; another one like it has to be repeated again.
    current: Option<Purge>,
    has_replayer: bool,
    /// Whether the log has been told since none were kept.
    is_reported: bool,
}

impl PendingPurges {
    pub(super) fn new(
        client: &Arc<RedisClient>,
        names: &Names,
        invalidation: &Arc<InvalidationState>,
        removals: &Arc<Removals>,
    ) -> Arc<Self> {
        Arc::new(Self {
            removals: Arc::clone(removals),
            client: Arc::clone(client),
            names: names.clone(),
            invalidation: Arc::clone(invalidation),
            any: AtomicBool::new(false),
            queue: Mutex::default(),
        })
    }

    /// Whether what Redis says can be trusted: every purge of this process is confirmed. If not,
    /// sees to it that they are repeated.
    pub(super) fn check(self: &Arc<Self>) -> Result<(), StoreError> {
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        self.repeat_behind();
        Err(StoreError::with_source(StoreErrorKind::Unavailable, "purges are to be repeated first"))
    }

    /// How many purges are not confirmed.
    pub(super) fn len(&self) -> usize {
        let queue = self.lock();
        queue.queued.len() + usize::from(queue.current.is_some())
    }

    /// A purge that begins. Dropped before it is confirmed, it is kept.
    pub(super) fn attempt<'a>(self: &'a Arc<Self>, purge: &'a Purge) -> PurgeAttempt<'a> {
        PurgeAttempt { pending: self, purge, is_confirmed: false }
    }

    fn add(self: &Arc<Self>, purge: Purge) {
        let mut queue = self.lock();
        queue.queued.add(purge, MAX_PURGES);
        self.any.store(true, Ordering::Release);
        drop(queue);
        self.repeat_behind();
    }

    /// Repeats what is kept until all of it is confirmed, unless that is under way. Without a
    /// runtime the next operation on one does.
    fn repeat_behind(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if std::mem::replace(&mut self.lock().has_replayer, true) {
            return;
        }
        runtime.spawn(Replayer { pending: Arc::downgrade(self), is_done: false }.run());
    }

    async fn repeat(&self) -> Result<(), StoreError> {
        // no request waits here, so the open breaker does not count
        if self.client.is_open() && !self.client.probe().await {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        }
        // once fenced, an entry is not served
        for purges in self.all().chunks(MAX_FENCES) {
            logical_clock::raise(&self.client, &self.names, purges).await?;
        }
        while let Some(purge) = self.next() {
            let purges = std::slice::from_ref(&purge);
            let before = self.client.connection_number();
            let numbers =
                raise::fences(&self.client, &self.names, &self.invalidation, purges).await?;
            if self.client.was_replaced(before).await {
                return Err(StoreError::new(StoreErrorKind::Unavailable));
            }
            for number in numbers {
                self.removals.push(Removal::new(&self.names, &purge, number));
            }
            self.lock().current = None;
        }
        Ok(())
    }

    fn all(&self) -> Vec<Purge> {
        let queue = self.lock();
        queue.current.iter().chain(queue.queued.iter()).cloned().collect()
    }

    /// The next one to repeat; where there is none, the replayer is done.
    fn next(&self) -> Option<Purge> {
        let mut queue = self.lock();
        if queue.current.is_none() {
            queue.current = queue.queued.pop();
        }
        if queue.current.is_none() {
            queue.has_replayer = false;
            self.any.store(false, Ordering::Release);
            if std::mem::take(&mut queue.is_reported) {
                tracing::info!(address = self.client.address(), "all purges have reached Redis");
            }
        }
        queue.current.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`PendingPurges::attempt`].
pub(super) struct PurgeAttempt<'a> {
    pending: &'a Arc<PendingPurges>,
    purge: &'a Purge,
    is_confirmed: bool,
}

impl PurgeAttempt<'_> {
    pub(super) fn confirm(mut self) {
        self.is_confirmed = true;
    }

    /// It failed for this reason: what the caller is told.
    pub(super) fn put_off(self, error: &StoreError) -> Purged {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let address = self.pending.client.address();
        if std::mem::replace(&mut self.pending.lock().is_reported, true) {
            tracing::debug!(address, %error, cause, "another purge is to be repeated");
        } else {
            tracing::warn!(
                address,
                %error,
                cause,
                "a purge is to be repeated; until it and those that follow have reached Redis, \
                 nothing of it is served"
            );
        }
        Purged::pending()
    }
}

impl Drop for PurgeAttempt<'_> {
    fn drop(&mut self) {
        if !self.is_confirmed {
            self.pending.add(self.purge.clone());
        }
    }
}

/// The task that repeats; when its runtime ends before it is done, another one may.
struct Replayer {
    pending: Weak<PendingPurges>,
    /// Then there may be the next one already.
    is_done: bool,
}

impl Replayer {
    async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        // no longer than the store lives
        while let Some(pending) = self.pending.upgrade() {
            if pending.repeat().await.is_ok() {
                self.is_done = true;
                return;
            }
            drop(pending);
            tokio::time::sleep(wait).await;
            wait = MAX_PROBE_PAUSE.min(wait * 2);
        }
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.upgrade()
            && !self.is_done
        {
            pending.lock().has_replayer = false;
        }
    }
}

impl fmt::Debug for PendingPurges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.lock();
        f.debug_struct("PendingPurges")
            .field("queued", &queue.queued.len())
            .field("current", &queue.current)
            .finish_non_exhaustive()
    }
}
