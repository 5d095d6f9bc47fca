//! Entries in memory before Redis: those of Redis, as long as the process hears of what happens
//! there, and for a moment those that nobody else has while Redis is away.

use std::{sync::Arc, time::Duration};

use super::{
    interface::{Put, Size},
    memory::{slot::Slot, table::Table},
    redis::{here::PurgesHere, known::Known, tie::Tie},
};
use crate::{
    clock::Clock,
    entry::{Entry, Timestamp, allocated},
    key::CacheKey,
    purge::{Purge, PurgeNumber},
};

/// For so long something is kept, from when it was asked for on, while nothing is heard of Redis.
pub(super) const UNHEARD: Duration = Duration::from_secs(1);
/// Marks above are of this process alone: the time, in microseconds, since it made the store. No
/// number in Redis comes near.
const ALONE: u64 = 1 << 63;
/// How long a note of variants that Redis has is kept without asking again: it does not say when it
/// ends.
const NOTE_KEPT: Duration = Duration::from_secs(60 * 60);

/// The near tier.
pub(super) struct Near {
    // boxed, as futures that hold a store would be as large
    table: Box<Table>,
    known: Arc<Known>,
    purges: PurgesHere,
}

/// What an entry's use hangs on.
#[derive(Debug)]
pub(in crate::store) struct Hold {
    /// `None` for an entry of this process alone.
    tie: Option<Tie>,
    /// The time of trust that it is of; while it lasts the entry may be used.
    generation: Option<u64>,
    /// Until when it may be used while there is no trust.
    until: Duration,
}

impl Hold {
    /// The bytes of memory that it takes.
    pub(in crate::store) fn weight(&self) -> usize {
        allocated(size_of::<Self>()) + self.tie.as_ref().map_or(0, Tie::weight)
    }
}

/// What was known when an entry was asked for, or was about to be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    at: Duration,
    generation: Option<u64>,
    digest: [u8; 16],
    stored: u32,
}

impl Begun {
    /// Whether Redis was being heard of.
    pub(super) const fn is_trusted(&self) -> bool {
        self.generation.is_some()
    }
}

impl Near {
    /// A tier that takes at most about `capacity` bytes of memory.
    pub(super) fn new(capacity: u64, known: &Arc<Known>, clock: Clock) -> Self {
        let (table, known) = (Box::new(Table::new(capacity, clock)), Arc::clone(known));
        Self { table, known, purges: PurgesHere::new(UNHEARD) }
    }

    /// What is kept under `key` and may be used now.
    pub(super) fn get(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        let slot = self.table.get(key)?;
        if self.is_usable(&slot) {
            return Some(Arc::clone(&slot.entry));
        }
        self.table.remove(&slot);
        None
    }

    /// Drops what is kept under `key`.
    pub(super) fn forget(&self, key: &CacheKey) {
        if let Some(slot) = self.table.peek(key) {
            self.table.remove(&slot);
        }
    }

    /// To be called before Redis is asked for an entry, or given one.
    pub(super) fn begin(&self, key: &CacheKey) -> Begun {
        self.table.expire();
        let (at, digest) = (self.known.now(), key.digest());
        let stored = self.known.stored_elsewhere(&digest);
        Begun { at, generation: self.known.generation(at), digest, stored }
    }

    /// Keeps an entry that Redis has, for as long as it is of use. Purges up to the number `as_of`
    /// count in it.
    pub(super) fn keep(&self, entry: &Arc<Entry>, begun: Begun, as_of: PurgeNumber) {
        let Begun { at, generation, digest, stored } = begun;
        let tied = self.known.tie(Arc::clone(entry), as_of, digest, stored);
        let Some((entry, tie)) = tied else { return };
        let until = if generation.is_some() { Duration::ZERO } else { at + UNHEARD };
        let end = self.end_of(&entry, generation.is_some());
        self.insert(entry, end, Hold { tie: Some(tie), generation, until });
    }

    fn end_of(&self, entry: &Entry, is_trusted: bool) -> Timestamp {
        let now = self.table.now();
        match entry.response() {
            _ if !is_trusted => now + UNHEARD,
            Some(response) => response.end(),
            None => now + NOTE_KEPT,
        }
    }

    /// The time, where Redis does not tell it.
    pub(super) fn purge_number(&self) -> PurgeNumber {
        let micros = u64::try_from(self.known.now().as_micros()).unwrap_or(u64::MAX);
        PurgeNumber::new(ALONE | micros)
    }

    /// When the fill of an entry began that has no time of Redis.
    pub(super) const fn is_alone(since: PurgeNumber) -> Option<Duration> {
        match since.number() {
            number if number & ALONE == 0 => None,
            number => Some(Duration::from_micros(number & !ALONE)),
        }
    }

    /// Keeps, for a moment, an entry that Redis never gets: its fill `began` while Redis was away.
    pub(super) fn keep_alone(&self, entry: Arc<Entry>, began: Duration) -> Put {
        let until = began + UNHEARD;
        let hold = Hold { tie: None, generation: None, until };
        if self.known.now() >= until || self.purges.concern(&entry, began) {
            return Put::Refused;
        }
        self.insert(entry, self.table.now() + UNHEARD, hold);
        Put::Kept
    }

    /// A purge that begins here takes at once what is of this process alone. What is tied to Redis
    /// goes with what is known of it.
    pub(super) fn purge(&self, purge: &Purge) {
        self.purges.add(purge, self.known.now());
        self.table.suspect();
    }

    pub(super) fn size(&self) -> Size {
        self.table.size()
    }

    fn insert(&self, entry: Arc<Entry>, end: Timestamp, hold: Hold) {
        self.table.insert(Slot::held(entry, end, hold), |slot| !self.is_usable(slot));
    }

    fn is_usable(&self, slot: &Slot) -> bool {
        slot.hold().is_some_and(|hold| self.holds(&slot.entry, hold))
    }

    fn holds(&self, entry: &Entry, hold: &Hold) -> bool {
        let now = self.known.now();
        let is_of_now = match self.known.generation(now) {
            Some(generation) => hold.generation == Some(generation),
            None => now < hold.until,
        };
        is_of_now
            && match (&hold.tie, Self::is_alone(entry.since)) {
                (Some(tie), _) => self.known.holds(tie),
                (None, Some(began)) => !self.purges.concern(entry, began),
                (None, None) => false,
            }
    }
}
