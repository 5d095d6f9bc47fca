//! The purges that a process knows of in Redis, and up to which number it knows all of them. It does no
//! I/O: what is loaded and what is announced comes in, and what became of an entry goes out.

use super::tags::Tag;
use crate::purge_log::{PurgeLog, PurgeNumbers, PurgeState};

/// How many purges are remembered, as many as [in Redis](super::logical_clock): 13 MB at most. Past
/// that the oldest are forgotten: of entries that have not been looked at since, Redis is asked a
/// second time.
const MAX_PURGES: usize = 1 << 17;

/// No clock goes back so far, in microseconds: a number that claims to be from such a time is not true.
const FAR_AHEAD: u64 = 24 * 60 * 60 * 1_000_000;

/// What is known of purges.
#[derive(Debug)]
pub(super) struct KnownPurges {
    log: PurgeLog<Tag>,
    /// The newest purge whose predecessors are known too.
    complete_up_to: u64,
}

/// The purges that the server knows: those since `seed`, up to `now`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LoadedPurges {
    pub(super) seed: u64,
    pub(super) now: u64,
    pub(super) purges: Vec<(Tag, PurgeNumbers)>,
}

impl Default for KnownPurges {
    fn default() -> Self {
        Self { log: PurgeLog::new(MAX_PURGES), complete_up_to: 0 }
    }
}

impl KnownPurges {
    /// The number of the newest purge whose predecessors are known too.
    pub(super) const fn complete_up_to(&self) -> u64 {
        self.complete_up_to
    }

    /// Takes over what the server has. What is known already stays: it has happened.
    pub(super) fn load(&mut self, loaded: LoadedPurges) {
        let LoadedPurges { seed, now, purges } = loaded;
        if now.saturating_add(FAR_AHEAD) < self.log.newest() {
            self.log = PurgeLog::new(MAX_PURGES);
            self.log.lose_up_to(now);
            self.complete_up_to = 0;
        }
        // between what was known and the seed, something may have been missed
        if seed > self.complete_up_to {
            self.log.lose_up_to(seed);
        }
        self.complete_up_to = now;
        for (tag, numbers) in purges {
            self.log.record(tag, numbers);
        }
    }

    /// A purge was announced, after the one with the number `before`. Whether all purges until then
    /// are known; if not, load.
    #[must_use]
    pub(super) fn announced(&mut self, before: u64, tag: Tag, numbers: PurgeNumbers) -> bool {
        self.log.record(tag, numbers);
        let is_next = before <= self.complete_up_to;
        if is_next {
            // what is repeated, or comes late, changes nothing
            self.complete_up_to = self.complete_up_to.max(numbers.newest());
        }
        is_next
    }

    /// A number which no purge known so far has reached, and no purge from now on falls below.
    pub(super) fn next_number(&self) -> u64 {
        self.complete_up_to.max(self.log.newest()).saturating_add(1)
    }

    /// Records purges of the target with this tag.
    pub(super) fn record(&mut self, tag: Tag, numbers: PurgeNumbers) {
        self.log.record(tag, numbers);
    }

    /// What purges have made of an entry with these tags that reflects those up to the number `since`.
    pub(super) fn state(&self, since: u64, tags: &[Tag]) -> PurgeState {
        self.log.state(since, tags.iter().copied())
    }

    /// Whether any purge is known that is newer than the number `since`, or may have been missed.
    pub(super) const fn is_newer_than(&self, since: u64) -> bool {
        self.log.is_newer_than(since)
    }
}

#[cfg(test)]
mod tests;
