//! The purges of this process, for entries that no number of Redis orders: those that only this
//! process has, for a moment while Redis is away.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    entry::Entry,
    purge::Purge,
    purge_log::{PurgeLog, PurgeNumbers, PurgeState},
    store::redis::invalidation::{
        tags::{self, Tag},
        trust::micros,
    },
};

/// How many purges are remembered, in some 3 MB: more than one process makes while such an entry is
/// kept.
const MAX_PURGES: usize = 1 << 15;

/// Purges by the time when they began, in microseconds.
#[derive(Debug)]
pub(super) struct LocalPurges(Mutex<PurgeLog<Tag>>);

impl Default for LocalPurges {
    fn default() -> Self {
        Self(Mutex::new(PurgeLog::new(MAX_PURGES)))
    }
}

impl LocalPurges {
    /// A purge began at this time.
    pub(super) fn record(&self, purge: &Purge, at: Duration) {
        // an entry that is stale is not worth keeping for a moment: soft purges count as hard ones
        let numbers = PurgeNumbers::of(micros(at).saturating_add(1), None);
        self.lock().record(tags::tag_of(purge.target()), numbers);
    }

    /// Whether a purge that concerns this entry has begun since this time, or may have.
    pub(super) fn concern(&self, entry: &Entry, since: Duration) -> bool {
        let since = micros(since);
        if !self.lock().is_newer_than(since) {
            return false;
        }
        let tags = tags::concerning(&entry.key, &entry.groups);
        self.lock().state(since, tags) != PurgeState::Valid
    }

    fn lock(&self) -> MutexGuard<'_, PurgeLog<Tag>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{purge::PurgeNumber, store::acceptance::samples};

    const START: Duration = Duration::from_secs(7);

    fn entry() -> Entry {
        samples::entry(&samples::target().key, PurgeNumber::default())
    }

    #[test]
    fn many_purges_of_a_moment_concern_only_what_they_name() {
        let (purges, entry) = (LocalPurges::default(), entry());
        for number in 0..5000 {
            purges.record(&Purge::path(format!("/other/{number}")), START);
        }
        assert!(!purges.concern(&entry, START));
        purges.record(&Purge::path(entry.key.path()).soft(), START);
        assert!(purges.concern(&entry, START), "at the same time");
        assert!(!purges.concern(&entry, START + Duration::from_millis(1)), "from before");
    }

    #[test]
    fn purge_counts_for_as_long_as_an_entry_may_be_kept() {
        let (purges, entry) = (LocalPurges::default(), entry());
        purges.record(&Purge::all(), START);
        let later = Duration::from_millis(900);
        purges.record(&Purge::path("/other"), START + later);
        assert!(purges.concern(&entry, START));
        purges.record(&Purge::path("/other"), START + later + later);
        assert!(purges.concern(&entry, START), "in the next moment");
    }
}
