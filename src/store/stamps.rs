//! Purges as stamps: a number per target, compared when an entry is read. A purge is cheap
//! whatever its size, and a fill that began before it is recognised however late it is stored.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    entry::{Entry, Timestamp},
    key::{CacheKey, host, path, query},
    purge::{Purge, PurgeNumber, Target},
};

/// How many stamps are kept, at about 100 bytes each: 26 MB at most, which 100,000 purges of URLs in
/// a minute reach. Past that the oldest merge into the watermark: entries that have neither been read
/// nor [walked](Stamps::claim_walk) since count as purged, and so do fills that began before.
const MAX_STAMPS: usize = 1 << 18;
/// After how many purges entries are due to be walked.
const WALK_EVERY: u64 = 1 << 14;

/// The purges of one store, newest number first.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    newest: AtomicU64,
    /// The newest purge before entries were last walked.
    walked: AtomicU64,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    hasher: ahash::RandomState,
    by_target: HashMap<u64, Stamp>,
    oldest_first: VecDeque<(u64, u64)>,
    /// Whether there has been a purge by prefix, so that others cost no look at ancestors.
    has_prefixes: bool,
    all: Stamp,
}

/// The newest purges of one target: the number of the hard one, that of the soft one, and since
/// when the soft one has made stale. Who stamps softly and often should have what is stored marked
/// before the next time: an entry that is first read after two soft purges is stale since the
/// second.
#[derive(Clone, Copy, Debug, Default)]
struct Stamp {
    hard: u64,
    soft: u64,
    stale_since: Timestamp,
}

impl Stamp {
    fn raise(&mut self, number: u64, stale_since: Option<Timestamp>) {
        match stale_since {
            None => self.hard = number,
            Some(then) => (self.soft, self.stale_since) = (number, then),
        }
    }

    fn newest(self) -> u64 {
        self.hard.max(self.soft)
    }
}

/// What the purges since it was checked have made of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing, as is known up to this logical time.
    Alive(u64),
    /// Stale since then, as is known up to this logical time.
    Stale(Timestamp, u64),
    /// It is gone.
    Gone,
}

/// A purge that has been stamped, for counting what it took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamped {
    /// The hash that it raised, with the number of the hard purge before.
    target: Option<(u64, u64)>,
    /// Of a purge of all: up to which number older ones count.
    until: Option<u64>,
}

impl Stamps {
    /// The logical time now.
    pub(crate) fn purge_number(&self) -> PurgeNumber {
        PurgeNumber::new(self.newest.load(Ordering::Acquire))
    }

    /// Purges: from now on no older entry that `purge` concerns is alive, or if the purge is a soft
    /// one, fresh.
    pub(crate) fn stamp(&self, purge: &Purge) -> Stamped {
        let mut table = self.write();
        let number = self.newest.load(Ordering::Relaxed) + 1;
        let stamped = table.stamp(purge, number);
        self.newest.store(number, Ordering::Release);
        stamped
    }

    /// What has become of `entry`, whose standing at the logical time `checked` is known.
    pub(super) fn standing(&self, entry: &Entry, checked: u64) -> Standing {
        let newest = self.newest.load(Ordering::Acquire);
        if checked >= newest {
            return Standing::Alive(checked);
        }
        let table = self.read();
        // read under the lock, as a stamp is only numbered under it
        let newest = self.newest.load(Ordering::Acquire);
        if table.newest_concerning(entry, None) > checked {
            return Standing::Gone;
        }
        match table.stale_since(entry, checked) {
            Some(then) => Standing::Stale(then, newest),
            None => Standing::Alive(newest),
        }
    }

    /// Whether a purge, hard or soft, concerns `entry` that has come since the logical time `since`.
    pub(crate) fn concerns(&self, entry: &Entry, since: u64) -> bool {
        !matches!(self.standing(entry, since), Standing::Alive(_))
    }

    /// Whether a purge, hard or soft, that names `key` itself has come since the logical time `since`.
    pub(crate) fn is_purged(&self, key: &CacheKey, since: u64) -> bool {
        if since >= self.newest.load(Ordering::Acquire) {
            return false;
        }
        let table = self.read();
        let stamps = table.concerning(key, &[]).map(|(_, stamp)| stamp);
        let newest = stamps.chain([table.all]).map(Stamp::newest);
        newest.max().is_some_and(|newest| newest > since)
    }

    /// Whether any URL of the key's path has been purged since the logical time `since`.
    pub(super) fn is_any_url_purged(&self, key: &CacheKey, since: u64) -> bool {
        let table = self.read();
        let stamp = table.by_target.get(&table.hash(Hashed::AnyUrl(key.path())));
        stamp.copied().unwrap_or_default().newest().max(table.all.newest()) > since
    }

    /// Whether entries are due to be walked: the caller then looks up the standing of each, so that
    /// none is taken for purged when the oldest stamps go.
    pub(super) fn claim_walk(&self) -> bool {
        let newest = self.newest.load(Ordering::Acquire);
        let walked = self.walked.load(Ordering::Relaxed);
        newest.saturating_sub(walked) >= WALK_EVERY
            && self
                .walked
                .compare_exchange(walked, newest, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether `entry` was not yet gone when the purge `stamped` came.
    pub(super) fn alive_before(&self, entry: &Entry, checked: u64, stamped: Stamped) -> bool {
        self.read().newest_concerning(entry, Some(stamped)) <= checked
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn stamp(&mut self, purge: &Purge, number: u64) -> Stamped {
        let stale_since = purge.stale_since();
        let hash = match purge.target() {
            Target::All => {
                let previous = self.all.hard;
                self.all.raise(number, stale_since);
                if stale_since.is_none() {
                    self.by_target.clear();
                    self.oldest_first.clear();
                    self.has_prefixes = false;
                }
                return Stamped { until: Some(previous), ..Stamped::default() };
            }
            Target::Prefix(prefix) => {
                self.has_prefixes = true;
                self.hash(Hashed::Prefix(path::as_ancestor(prefix)))
            }
            Target::Url { host, path, query } => {
                let (host, query) = (host.as_deref().map(host::canonical), query::canonical(query));
                let of_path = self.hash(Hashed::AnyUrl(path));
                self.raise(of_path, number, stale_since);
                self.hash(Hashed::Url(host.as_deref(), path, &query))
            }
            Target::AnyQuery { host, path } => {
                self.hash(Hashed::AnyQuery(host.as_deref().map(host::canonical).as_deref(), path))
            }
            Target::Path(path) => self.hash(Hashed::Path(path)),
            Target::Group(group) => self.hash(Hashed::Group(group)),
            Target::Entry(key) => self.hash(Hashed::Entry(key)),
        };
        Stamped { target: Some((hash, self.raise(hash, number, stale_since))), until: None }
    }

    /// Raises the stamp of one target; returns the number of its newest hard purge before.
    fn raise(&mut self, hash: u64, number: u64, stale_since: Option<Timestamp>) -> u64 {
        let stamp = self.by_target.entry(hash).or_default();
        let previous = stamp.hard;
        stamp.raise(number, stale_since);
        self.oldest_first.push_back((number, hash));
        if self.oldest_first.len() > MAX_STAMPS {
            self.merge_oldest();
        }
        previous
    }

    /// Lets a quarter of the stamps go at once, so that the cost is spread over many purges.
    fn merge_oldest(&mut self) {
        for _ in 0..MAX_STAMPS / 4 {
            let Some((number, hash)) = self.oldest_first.pop_front() else { return };
            if self.by_target.get(&hash).is_some_and(|stamp| stamp.newest() == number) {
                self.by_target.remove(&hash);
                self.raise_watermark(number);
            }
        }
    }

    /// What has been purged softly is then purged for good, as nobody knows since when it is stale.
    fn raise_watermark(&mut self, to: u64) {
        self.all.hard = self.all.hard.max(to);
    }

    /// The number of the newest hard purge that concerns `entry`; as it was before `except`, if
    /// given.
    fn newest_concerning(&self, entry: &Entry, except: Option<Stamped>) -> u64 {
        let except = except.unwrap_or_default();
        let number = |(hash, stamp): (u64, Stamp)| {
            let own = except.target.filter(|(own, _)| *own == hash);
            own.map_or(stamp.hard, |(_, previous)| previous)
        };
        let by_target = self.concerning(&entry.key, &entry.groups).map(number).max();
        let all = self.all.hard.min(except.until.unwrap_or(u64::MAX));
        by_target.unwrap_or(0).max(all)
    }

    /// Since when `entry` is stale by soft purges after the logical time `checked`.
    fn stale_since(&self, entry: &Entry, checked: u64) -> Option<Timestamp> {
        let by_target = self.concerning(&entry.key, &entry.groups).map(|(_, stamp)| stamp);
        by_target
            .chain([self.all])
            .filter(|stamp| stamp.soft > checked)
            .map(|stamp| stamp.stale_since)
            .min()
    }

    /// The stamps of targets that concern an entry with this key and these groups, with their hashes.
    fn concerning<'a>(
        &'a self,
        key: &'a CacheKey,
        groups: &'a [String],
    ) -> impl Iterator<Item = (u64, Stamp)> + 'a {
        let (host, query) = (key.canonical_host(), key.canonical_query());
        let hosts = [None, Some(&*host)];
        let of_url = hosts.map(|host| self.hash(Hashed::Url(host, key.path(), &query)));
        let of_any = hosts.map(|host| self.hash(Hashed::AnyQuery(host, key.path())));
        let of_any = of_any.into_iter().filter(|_| key.answers_other_queries());
        let of_key = [self.hash(Hashed::Path(key.path())), self.hash(Hashed::Entry(key))];
        let above = self.has_prefixes.then(|| path::ancestors(key.path())).into_iter().flatten();
        let above = above.map(|above| self.hash(Hashed::Prefix(above)));
        let groups = groups.iter().map(|group| self.hash(Hashed::Group(group)));
        let hashes = of_url.into_iter().chain(of_any).chain(of_key).chain(above).chain(groups);
        hashes.filter_map(|hash| self.by_target.get(&hash).map(|stamp| (hash, *stamp)))
    }

    fn hash(&self, target: Hashed<'_>) -> u64 {
        self.hasher.hash_one(target)
    }
}

/// What a stamp is looked up by. Two targets with one hash purge a little more than they need to.
#[derive(Hash)]
enum Hashed<'a> {
    /// Host, path and query.
    Url(Option<&'a str>, &'a str, &'a str),
    /// Path: the newest purge of any URL there. It concerns no entry by itself.
    AnyUrl(&'a str),
    /// Host and path, of what answers other queries.
    AnyQuery(Option<&'a str>, &'a str),
    Path(&'a str),
    /// An ancestor of paths, or a path.
    Prefix(&'a str),
    Group(&'a str),
    Entry(&'a CacheKey),
}

#[cfg(test)]
mod tests;
