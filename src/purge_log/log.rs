//! The bounded table of purge numbers.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use crate::entry::Timestamp;

/// The newest hard and soft purge of each target, by a tag that stands for the target. Two targets
/// with one tag purge a little more than they need to.
///
/// A log is bounded. Past its capacity the oldest purges are forgotten, and what an entry from before
/// them has become is [`PurgeState::Unknown`].
#[derive(Debug)]
pub(crate) struct PurgeLog<T> {
    capacity: usize,
    /// Every purge with a higher number is recorded.
    complete_from: u64,
    newest: u64,
    by_tag: HashMap<T, PurgeNumbers, ahash::RandomState>,
    oldest_first: VecDeque<(u64, T)>,
}

/// The newest purges of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PurgeNumbers {
    /// The number of the newest hard one, or 0.
    pub(crate) hard: u64,
    /// The number of the newest soft one, and since when that makes stale. Of two soft purges the
    /// second counts for an entry that was not looked at in between.
    pub(crate) soft: Option<(u64, Timestamp)>,
}

/// What purges have made of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PurgeState {
    /// No purge concerns it.
    Valid,
    /// A soft purge has made it stale since then.
    StaleSince(Timestamp),
    /// A hard purge has taken it.
    Purged,
    /// Purges that came after it have been forgotten, so that one of them may have taken it.
    Unknown,
}

impl PurgeNumbers {
    /// Those of a single purge, which is soft if it has a time since when it makes stale.
    pub(crate) const fn of(number: u64, stale_since: Option<Timestamp>) -> Self {
        match stale_since {
            None => Self { hard: number, soft: None },
            Some(then) => Self { hard: 0, soft: Some((number, then)) },
        }
    }

    /// The number of the newest purge.
    pub(crate) fn newest(self) -> u64 {
        self.soft.map_or(self.hard, |(soft, _)| self.hard.max(soft))
    }

    /// What they make of an entry that reflects the purges up to the number `since`.
    pub(crate) fn state(self, since: u64) -> PurgeState {
        match self.soft {
            _ if self.hard > since => PurgeState::Purged,
            Some((soft, then)) if soft > since => PurgeState::StaleSince(then),
            _ => PurgeState::Valid,
        }
    }

    fn merged_with(self, other: Self) -> Self {
        let soft = match (self.soft, other.soft) {
            (Some(one), Some(other)) if other.0 > one.0 => Some(other),
            (one, other) => one.or(other),
        };
        Self { hard: self.hard.max(other.hard), soft }
    }
}

impl PurgeState {
    /// What purges have made of an entry that these and others concern. Of soft ones the first counts.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Purged, _) | (_, Self::Purged) => Self::Purged,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::StaleSince(one), Self::StaleSince(other)) => Self::StaleSince(one.min(other)),
            (Self::Valid, state) | (state, Self::Valid) => state,
        }
    }
}

impl<T: Copy + Eq + Hash> PurgeLog<T> {
    /// A log of at most this many purges, at about 100 bytes each.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            complete_from: 0,
            newest: 0,
            by_tag: HashMap::default(),
            oldest_first: VecDeque::new(),
        }
    }

    /// Records purges of one target. They may come in any order, and more than once.
    pub(crate) fn record(&mut self, tag: T, numbers: PurgeNumbers) {
        let recorded = self.by_tag.entry(tag).or_default();
        let merged = recorded.merged_with(numbers);
        if merged == *recorded {
            return;
        }
        *recorded = merged;
        self.newest = self.newest.max(merged.newest());
        self.oldest_first.push_back((merged.newest(), tag));
        if self.oldest_first.len() > self.capacity {
            self.forget_oldest();
        }
    }

    /// The number of the newest purge that has been recorded.
    pub(crate) const fn newest(&self) -> u64 {
        self.newest
    }

    /// The purges of the target with this tag, as far as they have not been forgotten.
    pub(crate) fn numbers_of(&self, tag: T) -> PurgeNumbers {
        self.by_tag.get(&tag).copied().unwrap_or_default()
    }

    /// Whether no purge is in the log.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }

    /// The number up to which purges may have been forgotten.
    pub(crate) const fn complete_from(&self) -> u64 {
        self.complete_from
    }

    /// Purges up to this number may be missing from the log.
    pub(crate) fn lose_up_to(&mut self, number: u64) {
        self.complete_from = self.complete_from.max(number);
    }

    /// Whether there is any purge, or may have been one, that an entry must reflect which reflects
    /// those up to the number `since`. Cheap: no target is looked up.
    pub(crate) const fn is_newer_than(&self, since: u64) -> bool {
        since < self.newest || since < self.complete_from
    }

    /// What purges have made of an entry that reflects those up to the number `since`; `tags` are those
    /// of all targets that concern it.
    pub(crate) fn state(&self, since: u64, tags: impl IntoIterator<Item = T>) -> PurgeState {
        let lost = since < self.complete_from;
        let mut state = if lost { PurgeState::Unknown } else { PurgeState::Valid };
        if since < self.newest {
            for numbers in tags.into_iter().filter_map(|tag| self.by_tag.get(&tag)) {
                state = state.and(numbers.state(since));
                if state == PurgeState::Purged {
                    break;
                }
            }
        }
        state
    }

    /// Forgets a quarter at once, so that the cost is spread over many purges.
    fn forget_oldest(&mut self) {
        let quarter = (self.capacity / 4).max(1);
        for (number, tag) in self.oldest_first.drain(..quarter) {
            if self.by_tag.get(&tag).is_some_and(|numbers| numbers.newest() == number) {
                self.by_tag.remove(&tag);
                self.complete_from = self.complete_from.max(number);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_tag.len()
    }
}

#[cfg(test)]
mod tests;
