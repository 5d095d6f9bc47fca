//! What a process knows of what happens in Redis: kept up to date by the [feed](super::feed), asked
//! by everybody who is about to use an entry.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    announce::{Digest, News, Origin},
    fields,
    ledger::{Fences, Ledger, Raised, Standing},
    trust::{Check, Checks, Trust},
    waiting::{Listener, Waiting},
};
use crate::{
    clock::Stopwatch,
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber},
};

/// Entries share counters of what was stored elsewhere: one whose counter has moved is read again.
const COUNTERS: u16 = 1 << 14;

/// What is known, shared by all threads.
pub(in crate::store) struct Known {
    up: Stopwatch,
    trust: Trust,
    ledger: RwLock<Ledger>,
    /// How often the ledger has changed.
    version: AtomicU64,
    stored: Box<[AtomicU32]>,
    waiting: Waiting,
    origin: Origin,
}

/// What an announcement leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Fine,
    /// What this process has published for itself, with this number.
    Beat(u64),
    /// Others were missed before it: load, and check.
    Gap,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            up: Stopwatch::start(),
            trust: Trust::default(),
            ledger: RwLock::default(),
            version: AtomicU64::new(1),
            stored: (0..COUNTERS).map(|_| AtomicU32::new(0)).collect(),
            waiting: Waiting::default(),
            origin: RandomState::new().hash_one(0_u8).to_ne_bytes(),
        }
    }

    /// The time since this was made.
    pub(in crate::store) fn now(&self) -> Duration {
        self.up.elapsed()
    }

    /// The number of this time of trust, if the feed is trusted at `now`.
    pub(in crate::store) fn generation(&self, now: Duration) -> Option<u64> {
        self.trust.generation(now)
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.generation(self.now()).is_some()
    }

    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    /// The number of the newest purge whose predecessors are known.
    pub(super) fn last(&self) -> u64 {
        self.read().last()
    }

    /// Takes over what the server tells.
    pub(super) fn load(&self, fences: Fences) {
        let mut ledger = self.write();
        ledger.load(fences);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes in a message.
    pub(super) fn hear(&self, message: &[u8]) -> Heard {
        match News::read(message) {
            News::Purged { before, number, stale_since, field } => {
                let mut ledger = self.write();
                let is_next = ledger.announced(before, field, Raised::by(number, stale_since));
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
                self.waiting.wake(&digest);
            }
            News::Released { digest } => self.waiting.wake(&digest),
            News::Noise => {}
        }
        Heard::Fine
    }

    /// Takes in a check that asked the clock at the time `of`; see [`Checks::judge`].
    pub(super) fn checked(
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
    pub(super) fn lose(&self) {
        self.trust.lose();
        self.waiting.wake_all();
    }

    /// A purge has begun here: it takes all that is from before it. The number it will have is
    /// higher than every known one.
    pub(super) fn begun(&self, purge: &Purge) {
        let mut ledger = self.write();
        let number = ledger.next();
        self.raise(&mut ledger, purge, number);
    }

    /// A purge begun here has this number; the time before it was `before`.
    pub(super) fn raised(&self, purge: &Purge, before: u64, number: PurgeNumber) {
        let field = fields::raised_by(purge.target());
        let raised = Raised::by(number.number(), purge.stale_since());
        // a gap is noticed by who listens
        let _ = self.write().announced(before, field, raised);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn raise(&self, ledger: &mut Ledger, purge: &Purge, number: u64) {
        ledger.stamp(fields::raised_by(purge.target()), Raised::by(number, purge.stale_since()));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What is known of an entry that was read from Redis together with the time `now`; `before` was
    /// the [last](Self::last) purge known when it was asked for. All purges up to then count, or it
    /// is not known.
    pub(super) fn standing(&self, entry: &Entry, before: u64, now: u64) -> Standing {
        let since = entry.since.number();
        // a clock that has gone back, or an entry that is from after it
        if now < before || now < since {
            return Standing::Unknown;
        }
        let ledger = self.read();
        let is_complete = ledger.last() >= now;
        if is_complete && !ledger.is_of_interest(since) {
            return Standing::Alive;
        }
        drop(ledger);
        let fields = fields::concerning(&entry.key, &entry.groups);
        let ledger = self.read();
        match ledger.standing(since, &fields) {
            Standing::Alive | Standing::Stale(_) if ledger.last() < now => Standing::Unknown,
            standing => standing,
        }
    }

    /// Whether a purge that names `key` itself is known that came after this logical time.
    pub(super) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        let since = since.number();
        if !self.read().is_of_interest(since) {
            return false;
        }
        let fields = fields::concerning(key, &[]);
        matches!(self.read().standing(since, &fields), Standing::Purged | Standing::Stale(_))
    }

    /// What is heard of an entry from now on.
    pub(super) fn listen(self: &std::sync::Arc<Self>, digest: Digest) -> Listener {
        Listener::new(self, digest)
    }

    pub(super) const fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// How often something has been stored elsewhere that may have been the entry with this digest.
    #[cfg(any(test, feature = "memory"))]
    pub(in crate::store) fn stored_elsewhere(&self, digest: &Digest) -> u32 {
        self.counter(counter_of(digest)).load(Ordering::Acquire)
    }

    /// How often the ledger has changed.
    #[cfg(feature = "memory")]
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn counter(&self, number: u16) -> &AtomicU32 {
        static NONE: AtomicU32 = AtomicU32::new(0);
        self.stored.get(usize::from(number)).unwrap_or(&NONE)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ledger> {
        self.ledger.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counter_of(digest: &Digest) -> u16 {
    let [first, second, ..] = *digest;
    u16::from_be_bytes([first, second]) % COUNTERS
}
