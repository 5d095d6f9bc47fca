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
    entry::Entry,
    key::CacheKey,
    path,
    purge::{Mark, Purge},
};

/// How many stamps are kept. Past that the oldest merge into the watermark: entries that have not
/// been read since count as purged.
const MOST_STAMPS: usize = 1 << 16;
/// How many of them may be prefixes, which cannot be looked up by hash.
const MOST_PREFIXES: usize = 256;

/// The purges of one store, newest number first.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    newest: AtomicU64,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    hasher: ahash::RandomState,
    by_target: HashMap<u64, u64>,
    oldest_first: VecDeque<(u64, u64)>,
    prefixes: VecDeque<(u64, String)>,
    watermark: u64,
}

/// A purge that has been stamped, for counting what it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamped {
    target: Option<u64>,
    previous: u64,
}

impl Stamps {
    /// The logical time now.
    pub(super) fn mark(&self) -> Mark {
        Mark::new(self.newest.load(Ordering::Acquire))
    }

    /// Purges `target`: from now on no older entry that it concerns is alive.
    pub(super) fn stamp(&self, target: &Purge) -> Stamped {
        let mut table = self.write();
        let number = self.newest.load(Ordering::Relaxed) + 1;
        let stamped = table.stamp(target, number);
        self.newest.store(number, Ordering::Release);
        stamped
    }

    /// Whether `entry`, known to be alive at the logical time `checked`, still is; and if so, until
    /// which time that is now known.
    pub(super) fn alive(&self, entry: &Entry, checked: u64) -> Option<u64> {
        let newest = self.newest.load(Ordering::Acquire);
        if checked >= newest {
            return Some(checked);
        }
        let table = self.read();
        // read under the lock, as a stamp is only numbered under it
        let newest = self.newest.load(Ordering::Acquire);
        (table.newest_concerning(entry, None) <= checked).then_some(newest)
    }

    /// Whether `entry` was still alive when the purge `stamped` came.
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
    fn stamp(&mut self, target: &Purge, number: u64) -> Stamped {
        let hash = match target {
            Purge::All => {
                let previous = std::mem::replace(&mut self.watermark, number);
                self.by_target.clear();
                self.oldest_first.clear();
                self.prefixes.clear();
                return Stamped { target: None, previous };
            }
            Purge::Prefix(prefix) => {
                self.prefixes.push_back((number, prefix.clone()));
                if self.prefixes.len() > MOST_PREFIXES {
                    let oldest = self.prefixes.pop_front().map_or(0, |(number, _)| number);
                    self.raise_watermark(oldest);
                }
                return Stamped { target: None, previous: number - 1 };
            }
            Purge::Url { host: None, path, query } => self.hash(&Target::Url(path, query)),
            Purge::Url { host: Some(host), path, query } => {
                self.hash(&Target::UrlOnHost(&host.to_ascii_lowercase(), path, query))
            }
            Purge::Path(path) => self.hash(&Target::Path(path)),
            Purge::Group(group) => self.hash(&Target::Group(group)),
            Purge::Entry(key) => self.hash(&Target::Entry(key)),
        };
        let previous = self.by_target.insert(hash, number).unwrap_or(0);
        self.oldest_first.push_back((number, hash));
        if self.oldest_first.len() > MOST_STAMPS {
            self.merge_oldest();
        }
        Stamped { target: Some(hash), previous }
    }

    /// Lets a quarter of the stamps go at once, so that the cost is spread over many purges.
    fn merge_oldest(&mut self) {
        for (number, hash) in self.oldest_first.drain(..MOST_STAMPS / 4) {
            if self.by_target.get(&hash) == Some(&number) {
                self.by_target.remove(&hash);
                self.watermark = self.watermark.max(number);
            }
        }
    }

    fn raise_watermark(&mut self, to: u64) {
        self.watermark = self.watermark.max(to);
    }

    /// The number of the newest purge that concerns `entry`; as it was before `except`, if given.
    fn newest_concerning(&self, entry: &Entry, except: Option<Stamped>) -> u64 {
        let key = &entry.key;
        let number = |target: Target<'_>| {
            let hash = self.hash(&target);
            match except {
                Some(Stamped { target: Some(own), previous }) if own == hash => previous,
                _ => self.by_target.get(&hash).copied().unwrap_or(0),
            }
        };
        let host = key.host().to_ascii_lowercase();
        let url = number(Target::Url(key.path(), key.query()))
            .max(number(Target::UrlOnHost(&host, key.path(), key.query())))
            .max(number(Target::Path(key.path())))
            .max(number(Target::Entry(key)));
        let group = entry.groups.iter().map(|group| number(Target::Group(group))).max();
        // of a purge by prefix or of all, `previous` is the time up to which older ones count
        let until = match except {
            Some(Stamped { target: None, previous }) => previous,
            _ => u64::MAX,
        };
        let prefix = self
            .prefixes
            .iter()
            .rev()
            .find(|(number, prefix)| *number <= until && path::is_under(key.path(), prefix));
        let prefix = prefix.map_or(0, |(number, _)| *number);
        url.max(group.unwrap_or(0)).max(prefix).max(self.watermark.min(until))
    }

    fn hash(&self, target: &Target<'_>) -> u64 {
        self.hasher.hash_one(target)
    }
}

/// What a stamp is looked up by. Two targets with one hash purge a little more than they need to.
#[derive(Hash)]
enum Target<'a> {
    Url(&'a str, &'a str),
    UrlOnHost(&'a str, &'a str, &'a str),
    Path(&'a str),
    Group(&'a str),
    Entry(&'a CacheKey),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Kind, key::KeyBuilder};

    fn entry(path: &str, group: &str, since: Mark) -> Entry {
        Entry {
            key: KeyBuilder::new(false, "h", path, None).finish(),
            since,
            groups: vec![group.to_owned()],
            kind: Kind::Varies(Vec::new()),
        }
    }

    fn alive(stamps: &Stamps, entry: &Entry) -> bool {
        stamps.alive(entry, entry.since.number()).is_some()
    }

    #[test]
    fn a_purge_takes_what_it_concerns_and_what_was_begun_before_it() {
        for target in [
            Purge::path("/a"),
            Purge::url("/a"),
            Purge::url("http://H/a"),
            Purge::prefix("/a"),
            Purge::group("g"),
            Purge::Entry(entry("/a", "g", Mark::default()).key),
            Purge::All,
        ] {
            let stamps = Stamps::default();
            let before = entry("/a", "g", stamps.mark());
            let other = entry("/b", "other", stamps.mark());
            assert!(alive(&stamps, &before));
            stamps.stamp(&target);
            assert!(!alive(&stamps, &before), "{target:?}");
            assert_eq!(alive(&stamps, &other), target != Purge::All, "{target:?}");
            assert!(alive(&stamps, &entry("/a", "g", stamps.mark())), "{target:?}");
        }
    }

    #[test]
    fn what_has_been_checked_needs_no_second_look() {
        let stamps = Stamps::default();
        let entry = entry("/a", "g", stamps.mark());
        stamps.stamp(&Purge::path("/b"));
        assert_eq!(stamps.alive(&entry, 0), Some(1));
        assert_eq!(stamps.alive(&entry, 1), Some(1));
    }

    #[test]
    fn counting_looks_at_the_time_before_the_purge() {
        let stamps = Stamps::default();
        let entry = entry("/a", "g", stamps.mark());
        for target in [Purge::path("/a"), Purge::prefix("/a"), Purge::All] {
            let fresh = Entry { since: stamps.mark(), ..entry.clone() };
            let checked = fresh.since.number();
            let stamped = stamps.stamp(&target);
            assert!(stamps.alive_before(&fresh, checked, stamped), "{target:?}");
            let again = stamps.stamp(&target);
            assert!(!stamps.alive_before(&fresh, checked, again), "{target:?}");
        }
    }

    #[test]
    fn too_many_stamps_merge_and_lose_no_purge() {
        let stamps = Stamps::default();
        let unread = entry("/unread", "g", stamps.mark());
        let victim = entry("/0", "g", stamps.mark());
        let read = entry("/read", "g", stamps.mark());
        let mut checked = 0;
        for number in 0..=MOST_STAMPS {
            stamps.stamp(&Purge::path(&format!("/{number}")));
            checked = stamps.alive(&read, checked).expect("read often, never purged");
        }
        assert!(!alive(&stamps, &victim));
        assert!(!alive(&stamps, &unread), "not read since the oldest stamps went");
        assert!(stamps.read().by_target.len() <= MOST_STAMPS);

        for _ in 0..=MOST_PREFIXES {
            stamps.stamp(&Purge::prefix("/x"));
        }
        assert!(stamps.read().prefixes.len() <= MOST_PREFIXES);
    }
}
