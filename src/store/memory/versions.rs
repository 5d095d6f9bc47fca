//! How often the entries of a table have changed, counted for some keys together, so that what is
//! remembered of one entry holds until there may be another in its place. Reading takes no lock and
//! writes nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many counts there are.
const STRIPES: usize = 1024;

/// The changes of a table, counted by the hashes of keys.
#[derive(Debug)]
pub(in crate::store) struct Versions(Box<[AtomicU64]>);

/// How often the entries had changed whose keys have such a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Version {
    stripe: usize,
    changes: u64,
}

impl Versions {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| AtomicU64::new(0)).collect())
    }

    /// The version of the entry whose key has this hash. To be read before the entry is, so that a
    /// change in between is noticed.
    pub(super) fn of(&self, hash: u64) -> Version {
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        Version { stripe, changes: self.changes(stripe) }
    }

    /// Whether no entry with such a key has changed since.
    pub(super) fn is_current(&self, version: Version) -> bool {
        self.changes(version.stripe) == version.changes
    }

    /// The entry whose key has this hash has been put, replaced or removed.
    pub(super) fn change(&self, hash: u64) {
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        self.0.get(stripe).into_iter().for_each(increment);
    }

    /// Every entry has been removed.
    pub(super) fn change_all(&self) {
        self.0.iter().for_each(increment);
    }

    fn changes(&self, stripe: usize) -> u64 {
        self.0.get(stripe).map_or(0, |changes| changes.load(Ordering::Acquire))
    }
}

fn increment(changes: &AtomicU64) {
    changes.fetch_add(1, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_a_key_ends_its_versions_and_few_others() {
        let versions = Versions::new();
        let (one, other) = (versions.of(1), versions.of(2));
        versions.change(1);
        assert!(!versions.is_current(one) && versions.is_current(other));
        assert!(versions.is_current(versions.of(1)));
    }
}
