//! What a process knows of what happens in Redis: kept up to date by its
//! [subscription](super::subscription), and asked before an entry is used.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    known_purges::{KnownPurges, LoadedPurges},
    listeners::{Listener, Listeners},
    message::{Digest, Message, Origin},
    tags,
    trust::{Check, CheckResult, Checks, Trust, micros},
};
use crate::{
    clock::Stopwatch,
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber},
    purge_log::{PurgeNumbers, PurgeState},
};

/// Entries share counters of what was stored elsewhere: one whose counter has moved is read again.
const COUNTERS: u16 = 1 << 14;

/// What one process knows, shared by its threads.
pub(in crate::store) struct InvalidationState {
    up: Stopwatch,
    trust: Trust,
    purges: RwLock<KnownPurges>,
    /// How often what is known of purges has changed.
    version: AtomicU64,
    stored: Box<[AtomicU32]>,
    listeners: Arc<Listeners>,
    origin: Origin,
    /// How long the last heartbeat was under way, in microseconds; none yet where it is zero.
    lag: AtomicU64,
    /// Since when the log says that announcements are not heard, in microseconds; zero where it does not.
    unheard_since: AtomicU64,
}

/// What follows from a message for the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Nothing: it has been taken in.
    Done,
    /// This process has published it for itself, with this number.
    Heartbeat(u64),
    /// Purges before it were missed: they have to be loaded.
    Gap,
}

impl InvalidationState {
    pub(in crate::store) fn new() -> Self {
        Self {
            up: Stopwatch::start(),
            trust: Trust::default(),
            purges: RwLock::default(),
            version: AtomicU64::new(1),
            stored: (0..COUNTERS).map(|_| AtomicU32::new(0)).collect(),
            listeners: Arc::default(),
            origin: RandomState::new().hash_one(0_u8).to_ne_bytes(),
            lag: AtomicU64::new(0),
            unheard_since: AtomicU64::new(0),
        }
    }

    /// The time since this was made.
    pub(in crate::store) fn now(&self) -> Duration {
        self.up.elapsed()
    }

    /// The number of the period of trust, if announcements are [trusted](super::trust) at `now`.
    pub(in crate::store) fn trust_period(&self, now: Duration) -> Option<u64> {
        self.trust.period(now)
    }

    /// Whether announcements are trusted now.
    pub(in crate::store) fn is_trusted(&self) -> bool {
        self.trust_period(self.now()).is_some()
    }

    /// How long the last announcement of this process took to Redis and back.
    pub(in crate::store) fn announcement_lag(&self) -> Option<Duration> {
        let lag = self.lag.load(Ordering::Relaxed);
        (lag > 0).then_some(Duration::from_micros(lag))
    }

    /// A message of this process has come back, which was sent at `then`.
    pub(super) fn heartbeat_received(&self, then: Duration) {
        let lag = self.now().saturating_sub(then).as_micros();
        self.lag.store(u64::try_from(lag).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// The log says that announcements are not heard since then.
    pub(super) fn unheard_since(&self, then: Duration) {
        self.unheard_since.store(micros(then).max(1), Ordering::Relaxed);
    }

    /// How long they were not, where the log says so.
    pub(super) fn heard_again(&self) -> Option<Duration> {
        let since = self.unheard_since.swap(0, Ordering::Relaxed);
        (since > 0).then(|| self.now().saturating_sub(Duration::from_micros(since)))
    }

    /// What tells this process's messages from those of others.
    pub(in crate::store) const fn origin(&self) -> Origin {
        self.origin
    }

    /// The number of the newest purge whose predecessors are known too.
    pub(in crate::store) fn complete_up_to(&self) -> u64 {
        self.purges().complete_up_to()
    }

    /// Takes over the purges that the server knows.
    pub(super) fn load(&self, loaded: LoadedPurges) {
        let mut purges = self.purges_mut();
        purges.load(loaded);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes in a message.
    pub(super) fn receive(&self, message: &[u8]) -> Received {
        match Message::read(message) {
            Message::Purged { before, number, stale_since, tag } => {
                let mut purges = self.purges_mut();
                let is_next = purges.announced(before, tag, PurgeNumbers::of(number, stale_since));
                self.version.fetch_add(1, Ordering::Release);
                if !is_next {
                    return Received::Gap;
                }
            }
            Message::Unreadable => return Received::Gap,
            Message::Heartbeat { number } => return Received::Heartbeat(number),
            Message::Stored { digest, origin } => {
                if origin != self.origin {
                    self.counter(counter_of(&digest)).fetch_add(1, Ordering::Release);
                }
                self.listeners.wake(&digest);
            }
            Message::Released { digest } => self.listeners.wake(&digest),
            Message::Foreign => {}
        }
        Received::Done
    }

    /// Takes in a check of the logical clock.
    pub(super) fn checked(&self, checks: &mut Checks, check: Check) -> CheckResult {
        let result = checks.result(check, self.complete_up_to());
        if result == CheckResult::Complete {
            self.trust.extend(check.begun, self.now());
        }
        result
    }

    /// Announcements are not trusted until a check is complete again.
    pub(super) fn end_trust(&self) {
        self.trust.end();
        self.listeners.wake_all();
    }

    /// A purge has begun here: from now on no entry from before it is used. The number it will have is
    /// higher than every known one.
    pub(in crate::store) fn purge_begun(&self, purge: &Purge) {
        let mut purges = self.purges_mut();
        let numbers = PurgeNumbers::of(purges.next_number(), purge.stale_since());
        purges.record(tags::tag_of(purge.target()), numbers);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// A purge that has begun here has this number; the newest purge before it has the number `before`.
    pub(in crate::store) fn purge_numbered(&self, purge: &Purge, before: u64, number: PurgeNumber) {
        let tag = tags::tag_of(purge.target());
        let numbers = PurgeNumbers::of(number.number(), purge.stale_since());
        // a gap is noticed by the subscription
        let _ = self.purges_mut().announced(before, tag, numbers);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What purges have made of an entry that was read from Redis together with the time `now`.
    /// `before` is what was [known](Self::complete_up_to) when it was asked for. Where not all purges up
    /// to `now` are known, neither is the state.
    pub(in crate::store) fn state_of_read(
        &self,
        entry: &Entry,
        before: u64,
        now: u64,
    ) -> PurgeState {
        let since = entry.since.number();
        // a clock that has gone back, or an entry that is from after it
        if now < before || now < since {
            return PurgeState::Unknown;
        }
        let purges = self.purges();
        let is_complete = purges.complete_up_to() >= now;
        if is_complete && !purges.is_newer_than(since) {
            return PurgeState::Valid;
        }
        drop(purges);
        // digested without the lock, as that takes a while
        let tags = tags::concerning(&entry.key, &entry.groups);
        let purges = self.purges();
        match purges.state(since, &tags) {
            PurgeState::Valid | PurgeState::StaleSince(_) if purges.complete_up_to() < now => {
                PurgeState::Unknown
            }
            state => state,
        }
    }

    /// Whether a purge that names `key` itself is known that came after this logical time.
    pub(in crate::store) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        let since = since.number();
        if !self.purges().is_newer_than(since) {
            return false;
        }
        let tags = tags::concerning(key, &[]);
        matches!(self.purges().state(since, &tags), PurgeState::Purged | PurgeState::StaleSince(_))
    }

    /// Waits for what is announced of an entry from now on.
    pub(in crate::store) fn listen(&self, digest: Digest) -> Listener {
        self.listeners.add(digest)
    }

    #[cfg(test)]
    pub(in crate::store) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// How often another process has stored something that may have been the entry with this digest.
    #[cfg(any(test, feature = "memory"))]
    pub(in crate::store) fn stored_elsewhere(&self, digest: &Digest) -> u32 {
        self.counter(counter_of(digest)).load(Ordering::Acquire)
    }

    /// How often what is known of purges has changed.
    #[cfg(feature = "memory")]
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn counter(&self, number: u16) -> &AtomicU32 {
        static NONE: AtomicU32 = AtomicU32::new(0);
        self.stored.get(usize::from(number)).unwrap_or(&NONE)
    }

    /// The purges that are known. They change under their lock only, and `version` with them.
    pub(super) fn purges(&self) -> RwLockReadGuard<'_, KnownPurges> {
        self.purges.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn purges_mut(&self) -> RwLockWriteGuard<'_, KnownPurges> {
        self.purges.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counter_of(digest: &Digest) -> u16 {
    let [first, second, ..] = *digest;
    u16::from_be_bytes([first, second]) % COUNTERS
}
