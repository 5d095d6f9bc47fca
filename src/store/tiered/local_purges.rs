//! Purges that began in this process, for entries that no number of Redis orders: those that are kept
//! for a moment while Redis is away.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    entry::Entry,
    purge::Purge,
    store::redis::invalidation::{
        ledger::{Ledger, Raised, Standing},
        tags,
        trust::micros,
    },
};

/// The purges of a moment and of the one before it. Their numbers are their times, in microseconds.
#[derive(Debug)]
pub(in crate::store) struct LocalPurges {
    moment: Duration,
    lately: Mutex<Lately>,
}

#[derive(Debug, Default)]
struct Lately {
    begun: Duration,
    now: Ledger,
    before: Ledger,
}

impl LocalPurges {
    /// For entries that are kept for a `moment` at most.
    pub(in crate::store) fn new(moment: Duration) -> Self {
        Self { moment, lately: Mutex::default() }
    }

    /// A purge began at this time.
    pub(in crate::store) fn add(&self, purge: &Purge, at: Duration) {
        let mut lately = self.lock();
        if at.saturating_sub(lately.begun) > self.moment {
            let now = std::mem::take(&mut lately.now);
            *lately = Lately { begun: at, now: Ledger::default(), before: now };
        }
        // what a soft purge makes stale is of no use for a moment either
        let raised = Raised::by(micros(at).saturating_add(1), None);
        lately.now.stamp(tags::raised_by(purge.target()), raised);
    }

    /// Whether a purge that concerns this entry has begun since this time, or may have.
    pub(in crate::store) fn concern(&self, entry: &Entry, since: Duration) -> bool {
        let since = micros(since);
        let is_of_interest = {
            let lately = self.lock();
            lately.now.is_of_interest(since) || lately.before.is_of_interest(since)
        };
        if !is_of_interest {
            return false;
        }
        let fields = tags::concerning(&entry.key, &entry.groups);
        let lately = self.lock();
        [&lately.now, &lately.before]
            .iter()
            .any(|ledger| ledger.standing(since, &fields) != Standing::Alive)
    }

    fn lock(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{purge::PurgeNumber, store::acceptance::samples};

    const MOMENT: Duration = Duration::from_secs(1);
    const START: Duration = Duration::from_secs(7);

    fn entry() -> Entry {
        samples::entry(&samples::target().key, PurgeNumber::default())
    }

    #[test]
    fn many_purges_of_a_moment_concern_only_what_they_name() {
        let (purges, entry) = (LocalPurges::new(MOMENT), entry());
        for number in 0..5000 {
            purges.add(&Purge::path(format!("/other/{number}")), START);
        }
        assert!(!purges.concern(&entry, START));
        purges.add(&Purge::path(entry.key.path()).soft(), START);
        assert!(purges.concern(&entry, START), "at the same time");
        assert!(!purges.concern(&entry, START + Duration::from_millis(1)), "from before");
    }

    #[test]
    fn a_purge_counts_for_as_long_as_an_entry_may_be_kept() {
        let (purges, entry) = (LocalPurges::new(MOMENT), entry());
        purges.add(&Purge::all(), START);
        let later = START + MOMENT * 9 / 10;
        purges.add(&Purge::path("/other"), later);
        assert!(purges.concern(&entry, START));
        purges.add(&Purge::path("/other"), START + MOMENT * 11 / 10);
        assert!(purges.concern(&entry, START), "in the next moment");
    }
}
