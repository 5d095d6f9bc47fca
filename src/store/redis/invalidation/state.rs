//! What a process knows of what happens in Redis: kept up to date by the [subscription](super::subscription), asked
//! by everybody who is about to use an entry.

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
    message::{Digest, News, Origin},
    tags,
    trust::{Check, Checks, Trust},
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

/// What is known, shared by all threads.
pub(in crate::store) struct Known {
    up: Stopwatch,
    trust: Trust,
    purges: RwLock<KnownPurges>,
    /// How often what is known of purges has changed.
    version: AtomicU64,
    stored: Box<[AtomicU32]>,
    listeners: Arc<Listeners>,
    origin: Origin,
}

/// What an announcement leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Heard {
    Fine,
    /// What this process has published for itself, with this number.
    Beat(u64),
    /// Others were missed before it: load, and check.
    Gap,
}

impl Known {
    pub(in crate::store) fn new() -> Self {
        Self {
            up: Stopwatch::start(),
            trust: Trust::default(),
            purges: RwLock::default(),
            version: AtomicU64::new(1),
            stored: (0..COUNTERS).map(|_| AtomicU32::new(0)).collect(),
            listeners: Arc::default(),
            origin: RandomState::new().hash_one(0_u8).to_ne_bytes(),
        }
    }

    /// The time since this was made.
    pub(in crate::store) fn now(&self) -> Duration {
        self.up.elapsed()
    }

    /// The number of this time of trust, if the feed is trusted at `now`.
    pub(in crate::store) fn trust_period(&self, now: Duration) -> Option<u64> {
        self.trust.period(now)
    }

    pub(in crate::store) fn is_trusted(&self) -> bool {
        self.trust_period(self.now()).is_some()
    }

    pub(in crate::store) const fn origin(&self) -> Origin {
        self.origin
    }

    /// The number of the newest purge whose predecessors are known.
    pub(in crate::store) fn last(&self) -> u64 {
        self.read().last()
    }

    /// Takes over what the server tells.
    pub(in crate::store) fn load(&self, loaded: LoadedPurges) {
        let mut purges = self.write();
        purges.load(loaded);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes in a message.
    pub(in crate::store) fn hear(&self, message: &[u8]) -> Heard {
        match News::read(message) {
            News::Purged { before, number, stale_since, tag } => {
                let mut purges = self.write();
                let is_next = purges.announced(before, tag, PurgeNumbers::of(number, stale_since));
                self.version.fetch_add(1, Ordering::Release);
                if !is_next {
                    return Heard::Gap;
                }
            }
            News::Unreadable => return Heard::Gap,
            News::Beat { number } => return Heard::Beat(number),
            News::Stored { digest, origin } => {
                if origin != self.origin {
                    self.counter(counter_of(&digest)).fetch_add(1, Ordering::Release);
                }
                self.listeners.wake(&digest);
            }
            News::Released { digest } => self.listeners.wake(&digest),
            News::Noise => {}
        }
        Heard::Fine
    }

    /// Takes in a check that asked the clock at the time `of`; see [`Checks::judge`].
    pub(in crate::store) fn checked(
        &self,
        checks: &mut Checks,
        of: Duration,
        before: u64,
        now: u64,
    ) -> Check {
        let check = checks.judge(before, now, self.last());
        if check == Check::Complete {
            self.trust.complete(of, self.now());
        }
        check
    }

    /// The feed is not to be trusted until a check is complete again.
    pub(in crate::store) fn lose(&self) {
        self.trust.lose();
        self.listeners.wake_all();
    }

    /// A purge has begun here: it takes all that is from before it. The number it will have is
    /// higher than every known one.
    pub(in crate::store) fn begun(&self, purge: &Purge) {
        let mut purges = self.write();
        let number = purges.next_number();
        self.raise(&mut purges, purge, number);
    }

    /// A purge begun here has this number; the time before it was `before`.
    pub(in crate::store) fn raised(&self, purge: &Purge, before: u64, number: PurgeNumber) {
        let tag = tags::tag_of(purge.target());
        let numbers = PurgeNumbers::of(number.number(), purge.stale_since());
        // a gap is noticed by who listens
        let _ = self.write().announced(before, tag, numbers);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn raise(&self, purges: &mut KnownPurges, purge: &Purge, number: u64) {
        purges.record(tags::tag_of(purge.target()), PurgeNumbers::of(number, purge.stale_since()));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What is known of an entry that was read from Redis together with the time `now`; `before` was
    /// the [last](Self::last) purge known when it was asked for. All purges up to then count, or it
    /// is not known.
    pub(in crate::store) fn state(&self, entry: &Entry, before: u64, now: u64) -> PurgeState {
        let since = entry.since.number();
        // a clock that has gone back, or an entry that is from after it
        if now < before || now < since {
            return PurgeState::Unknown;
        }
        let purges = self.read();
        let is_complete = purges.last() >= now;
        if is_complete && !purges.is_newer_than(since) {
            return PurgeState::Valid;
        }
        drop(purges);
        let tags = tags::concerning(&entry.key, &entry.groups);
        let purges = self.read();
        match purges.state(since, &tags) {
            PurgeState::Valid | PurgeState::StaleSince(_) if purges.last() < now => {
                PurgeState::Unknown
            }
            state => state,
        }
    }

    /// Whether a purge that names `key` itself is known that came after this logical time.
    pub(in crate::store) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        let since = since.number();
        if !self.read().is_newer_than(since) {
            return false;
        }
        let tags = tags::concerning(key, &[]);
        matches!(self.read().state(since, &tags), PurgeState::Purged | PurgeState::StaleSince(_))
    }

    /// What is heard of an entry from now on.
    pub(in crate::store) fn listen(&self, digest: Digest) -> Listener {
        self.listeners.add(digest)
    }

    #[cfg(test)]
    pub(in crate::store) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// How often something has been stored elsewhere that may have been the entry with this digest.
    #[cfg(any(test, feature = "memory"))]
    pub(in crate::store) fn stored_elsewhere(&self, digest: &Digest) -> u32 {
        self.counter(counter_of(digest)).load(Ordering::Acquire)
    }

    /// How often what is known of purges has changed.
    #[cfg(feature = "memory")]
    pub(in crate::store) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn counter(&self, number: u16) -> &AtomicU32 {
        static NONE: AtomicU32 = AtomicU32::new(0);
        self.stored.get(usize::from(number)).unwrap_or(&NONE)
    }

    pub(in crate::store) fn read(&self) -> RwLockReadGuard<'_, KnownPurges> {
        self.purges.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, KnownPurges> {
        self.purges.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counter_of(digest: &Digest) -> u16 {
    let [first, second, ..] = *digest;
    u16::from_be_bytes([first, second]) % COUNTERS
}
