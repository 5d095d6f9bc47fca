//! The purge log of one process: shared by threads, and numbering purges by itself.

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering},
};

use super::{
    log::{PurgeLog, PurgeNumbers, PurgeState},
    target_name::{EntryNames, TargetName, with_name},
};
use crate::{
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Target},
};

/// How many purges are kept: 26 MB at most, which 100,000 purges of URLs in a minute reach. Past that
/// the oldest are forgotten: entries that have neither been read nor [walked](SharedPurgeLog::claim_walk)
/// since count as purged, and so do fills that began before.
const MAX_PURGES: usize = 1 << 18;
/// After how many purges entries are due to be walked.
const WALK_EVERY: u64 = 1 << 14;

/// The purges of one process, numbered in the order in which they come. What has been checked against
/// all of them costs one comparison of numbers until the next one.
#[derive(Debug)]
pub(crate) struct SharedPurgeLog {
    newest: AtomicU64,
    /// The newest purge before entries were last walked.
    walked: AtomicU64,
    table: RwLock<Table>,
}

#[derive(Debug)]
struct Table {
    hasher: ahash::RandomState,
    log: PurgeLog<u64>,
    /// Whether there has been a purge by prefix, so that without one no ancestors are looked up.
    has_prefixes: bool,
}

/// A purge that has been recorded, for counting what it took.
#[derive(Debug)]
pub(crate) enum RecordedPurge {
    /// Of everything: the log as it was before.
    All { before: Box<PurgeLog<u64>> },
    /// Of the target with this tag, whose newest purges were these before.
    Target { tag: u64, before: PurgeNumbers },
}

impl Default for SharedPurgeLog {
    fn default() -> Self {
        let table = Table {
            hasher: ahash::RandomState::new(),
            log: PurgeLog::new(MAX_PURGES),
            has_prefixes: false,
        };
        Self { newest: AtomicU64::new(0), walked: AtomicU64::new(0), table: RwLock::new(table) }
    }
}

impl SharedPurgeLog {
    /// The logical time now: the number of the newest purge.
    pub(crate) fn purge_number(&self) -> PurgeNumber {
        PurgeNumber::new(self.newest.load(Ordering::Acquire))
    }

    /// Records a purge: from now on no older entry that it concerns is valid, or after a soft one
    /// fresh.
    pub(crate) fn record(&self, purge: &Purge) -> RecordedPurge {
        let mut table = self.write();
        let number = self.newest.load(Ordering::Relaxed) + 1;
        let recorded = table.record(purge, number);
        self.newest.store(number, Ordering::Release);
        recorded
    }

    /// What purges have made of an entry that reflects those up to the number `since`; and up to
    /// which number that holds.
    pub(crate) fn state(&self, entry: &Entry, since: u64) -> (PurgeState, u64) {
        if since >= self.newest.load(Ordering::Acquire) {
            return (PurgeState::Valid, since);
        }
        let table = self.read();
        // read under the lock, as a purge is only numbered under it
        let newest = self.newest.load(Ordering::Acquire);
        (table.state(&entry.key, &entry.groups, since), newest)
    }

    /// Whether a purge, hard or soft, concerns `entry` that is newer than the number `since`.
    pub(crate) fn concerns(&self, entry: &Entry, since: u64) -> bool {
        self.state(entry, since).0 != PurgeState::Valid
    }

    /// Whether a purge, hard or soft, that names `key` itself is newer than the number `since`.
    pub(crate) fn is_purged(&self, key: &CacheKey, since: u64) -> bool {
        since < self.newest.load(Ordering::Acquire)
            && self.read().state(key, &[], since) != PurgeState::Valid
    }

    /// Whether a purge of any URL of the key's path is newer than the number `since`.
    pub(crate) fn is_any_url_purged(&self, key: &CacheKey, since: u64) -> bool {
        let table = self.read();
        let tags = [table.tag_of_any_url(key.path()), table.tag(TargetName::All)];
        table.log.state(since, tags) != PurgeState::Valid
    }

    /// Whether entries are due to be walked: the caller then looks up the state of each, so that
    /// none is taken for purged when the oldest purges are forgotten.
    pub(crate) fn claim_walk(&self) -> bool {
        let newest = self.newest.load(Ordering::Acquire);
        let walked = self.walked.load(Ordering::Relaxed);
        newest.saturating_sub(walked) >= WALK_EVERY
            && self
                .walked
                .compare_exchange(walked, newest, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether `entry`, which reflects the purges up to the number `since`, was not yet purged when
    /// the purge `recorded` came.
    pub(crate) fn was_valid_before(
        &self,
        entry: &Entry,
        since: u64,
        recorded: &RecordedPurge,
    ) -> bool {
        self.read().newest_without(recorded, entry, |numbers| numbers.hard) <= since
    }

    /// Whether `entry`, which reflects the purges up to the number `since`, was not yet stale when the
    /// soft purge `recorded` came.
    pub(crate) fn was_fresh_before(
        &self,
        entry: &Entry,
        since: u64,
        recorded: &RecordedPurge,
    ) -> bool {
        self.read().newest_without(recorded, entry, PurgeNumbers::newest) <= since
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn record(&mut self, purge: &Purge, number: u64) -> RecordedPurge {
        let numbers = PurgeNumbers::of(number, purge.stale_since());
        match (purge.target(), purge.stale_since()) {
            (Target::All, None) => {
                let before = std::mem::replace(&mut self.log, PurgeLog::new(MAX_PURGES));
                self.log.lose_up_to(number);
                self.has_prefixes = false;
                return RecordedPurge::All { before: Box::new(before) };
            }
            (Target::Url { path, .. }, _) => self.log.record(self.tag_of_any_url(path), numbers),
            (Target::Prefix(_), _) => self.has_prefixes = true,
            _ => {}
        }
        let tag = with_name(purge.target(), |name| self.tag(name));
        let before = self.log.numbers_of(tag);
        self.log.record(tag, numbers);
        RecordedPurge::Target { tag, before }
    }

    fn state(&self, key: &CacheKey, groups: &[String], since: u64) -> PurgeState {
        let names = EntryNames::of(key, groups);
        let tags = names.iter(self.has_prefixes).map(|name| self.tag(name));
        match self.log.state(since, tags) {
            // a soft purge that is forgotten counts as a hard one, as its time is not known any more
            PurgeState::Unknown => PurgeState::Purged,
            state => state,
        }
    }

    /// The number of the newest purge that concerns `entry`, or that is lost, as if `recorded` had not
    /// come; `number` says which of a target's purges count.
    fn newest_without(
        &self,
        recorded: &RecordedPurge,
        entry: &Entry,
        number: impl Fn(PurgeNumbers) -> u64,
    ) -> u64 {
        let log = match recorded {
            RecordedPurge::All { before } => before,
            RecordedPurge::Target { .. } => &self.log,
        };
        if log.is_empty() {
            return log.complete_from();
        }
        let names = EntryNames::of(&entry.key, &entry.groups);
        // of a log from before, it is not known whether it has prefixes
        let tags = names.iter(true).map(|name| self.tag(name));
        let numbers = tags.map(|own| match recorded {
            RecordedPurge::Target { tag, before } if *tag == own => *before,
            _ => log.numbers_of(own),
        });
        numbers.map(number).max().unwrap_or(0).max(log.complete_from())
    }

    fn tag(&self, name: TargetName<'_>) -> u64 {
        self.hasher.hash_one(name)
    }

    /// What the newest purge of any URL of a path is found by. It concerns no entry by itself.
    fn tag_of_any_url(&self, path: &str) -> u64 {
        self.hasher.hash_one(("any URL", path))
    }
}

#[cfg(test)]
mod tests;
