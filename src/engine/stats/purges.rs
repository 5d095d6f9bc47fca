//! The purges that were carried out, by what they name.

use serde::Serialize;

use crate::{
    counting::SharedCounter,
    purge::{Purge, Purged},
};

/// The words for targets.
const TARGETS: [&str; 6] = ["url", "path", "prefix", "group", "entry", "all"];

/// How many purges there were of one kind.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PurgeCount {
    /// What they named: `url`, `path`, `prefix`, `group`, `entry` or `all`.
    pub target: &'static str,
    /// Whether they made responses stale instead of removing them.
    pub soft: bool,
    /// How many there were.
    pub count: u64,
}

/// The counters of purges.
#[derive(Debug, Default)]
pub(super) struct CountedPurges {
    hard: [SharedCounter; TARGETS.len()],
    soft: [SharedCounter; TARGETS.len()],
    entries: SharedCounter,
}

impl CountedPurges {
    pub(super) fn count(&self, purge: &Purge, purged: Purged) {
        let counters = if purge.stale_since().is_some() { &self.soft } else { &self.hard };
        let word = purge.target().as_str();
        let counter = TARGETS.iter().zip(counters).find(|(target, _)| **target == word);
        if let Some((_, count)) = counter {
            count.add(1);
        }
        self.entries.add(purged.entries.unwrap_or(0));
    }

    /// Each kind of which there were any.
    pub(super) fn read(&self) -> Vec<PurgeCount> {
        let counts = |soft: bool, counters: &[SharedCounter]| -> Vec<PurgeCount> {
            let each = TARGETS.iter().zip(counters);
            let each = each.map(|(target, count)| PurgeCount { target, soft, count: count.get() });
            each.filter(|purge| purge.count > 0).collect()
        };
        [counts(false, &self.hard), counts(true, &self.soft)].concat()
    }

    /// The responses that they removed, as far as they were counted.
    pub(super) fn entries(&self) -> u64 {
        self.entries.get()
    }
}
