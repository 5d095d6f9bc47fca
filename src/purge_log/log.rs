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
    /// The number of the newest soft one, and since when that makes stale. Of an entry that is first
    /// looked at after two soft purges it is therefore the second that counts: who purges softly and
    /// often should mark what is stored in between.
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

    fn merged_with(self, other: Self) -> Self {
        let soft = match (self.soft, other.soft) {
            (Some(one), Some(other)) if other.0 > one.0 => Some(other),
            (one, other) => one.or(other),
        };
        Self { hard: self.hard.max(other.hard), soft }
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

    /// The number up to which purges may have been forgotten.
    pub(crate) const fn complete_from(&self) -> u64 {
        self.complete_from
    }

    /// Purges up to this number may be missing from the log.
    pub(crate) fn lose_up_to(&mut self, number: u64) {
        self.complete_from = self.complete_from.max(number);
    }

    /// Forgets all purges; those up to this number are [lost](Self::lose_up_to).
    pub(crate) fn clear(&mut self, number: u64) {
        self.by_tag.clear();
        self.oldest_first.clear();
        self.newest = 0;
        self.lose_up_to(number);
    }

    /// Whether there is any purge, or may have been one, that an entry must reflect which reflects
    /// those up to the number `since`. Cheap: no target is looked up.
    pub(crate) const fn is_newer_than(&self, since: u64) -> bool {
        since < self.newest || since < self.complete_from
    }

    /// What purges have made of an entry that reflects those up to the number `since`; `tags` are those
    /// of all targets that concern it.
    pub(crate) fn state(&self, since: u64, tags: impl IntoIterator<Item = T>) -> PurgeState {
        let mut stale: Option<Timestamp> = None;
        if since < self.newest {
            for numbers in tags.into_iter().filter_map(|tag| self.by_tag.get(&tag)) {
                if numbers.hard > since {
                    return PurgeState::Purged;
                }
                if let Some((_, then)) = numbers.soft.filter(|(number, _)| *number > since) {
                    stale = Some(stale.map_or(then, |stale| stale.min(then)));
                }
            }
        }
        match stale {
            _ if since < self.complete_from => PurgeState::Unknown,
            Some(then) => PurgeState::StaleSince(then),
            None => PurgeState::Valid,
        }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn hard(number: u64) -> PurgeNumbers {
        PurgeNumbers::of(number, None)
    }

    fn soft(number: u64, seconds: i64) -> PurgeNumbers {
        PurgeNumbers::of(number, Some(at(seconds)))
    }

    #[test]
    fn hard_purge_takes_entries_from_before_it() {
        let mut log = PurgeLog::new(10);
        log.record('a', hard(5));
        assert_eq!(log.state(4, ['b', 'a']), PurgeState::Purged);
        assert_eq!(log.state(5, ['b', 'a']), PurgeState::Valid);
        assert_eq!(log.state(4, ['b']), PurgeState::Valid);
    }

    #[test]
    fn hard_purge_beats_soft_ones_and_first_stale_time_counts() {
        let mut log = PurgeLog::new(10);
        log.record('a', soft(5, 9));
        log.record('b', soft(6, 8));
        assert_eq!(log.state(4, ['a']), PurgeState::StaleSince(at(9)));
        assert_eq!(log.state(4, ['a', 'b']), PurgeState::StaleSince(at(8)));
        assert_eq!(log.state(6, ['a', 'b']), PurgeState::Valid);
        log.record('a', hard(7));
        assert_eq!(log.state(4, ['b', 'a']), PurgeState::Purged);
        assert_eq!(log.numbers_of('a'), PurgeNumbers { hard: 7, soft: Some((5, at(9))) });
    }

    #[test]
    fn repeated_purge_takes_no_room() {
        let mut log = PurgeLog::new(2);
        for _ in 0..10 {
            log.record('a', hard(1));
            log.record('b', soft(2, 3));
        }
        assert_eq!((log.len(), log.complete_from()), (2, 0));
    }

    #[test]
    fn lost_purges_make_older_entries_unknown_but_recorded_ones_still_count() {
        let mut log = PurgeLog::new(10);
        log.record('a', hard(5));
        log.lose_up_to(7);
        assert_eq!(log.state(4, ['a']), PurgeState::Purged);
        assert_eq!(log.state(5, ['a']), PurgeState::Unknown);
        assert_eq!(log.state(7, ['a']), PurgeState::Valid);
        log.clear(3);
        assert_eq!(log.state(4, ['a']), PurgeState::Unknown, "what is lost stays lost");
    }

    /// What a log of unlimited size says.
    fn expected(purges: &[(u8, bool, u64)], since: u64, tags: &[u8]) -> PurgeState {
        let concerning = |tag| tags.contains(&tag);
        let newer = purges.iter().filter(|(tag, _, number)| concerning(*tag) && *number > since);
        let (mut stale, mut newest_soft) = (None, HashMap::new());
        for (tag, is_soft, number) in newer {
            if !is_soft {
                return PurgeState::Purged;
            }
            newest_soft
                .entry(*tag)
                .and_modify(|newest| *newest = (*number).max(*newest))
                .or_insert(*number);
        }
        for number in newest_soft.into_values() {
            let then = time_of(number);
            stale = Some(stale.map_or(then, |stale: Timestamp| stale.min(then)));
        }
        stale.map_or(PurgeState::Valid, PurgeState::StaleSince)
    }

    /// Times that are in another order than the numbers.
    fn time_of(number: u64) -> Timestamp {
        Timestamp::from_millis(i64::try_from(number * 7919 % 101).unwrap())
    }

    proptest! {
        #[test]
        fn bounded_log_says_what_an_unbounded_one_does_or_that_it_does_not_know(
            mut purges: Vec<(u8, bool)>,
            order: proptest::sample::Index,
            since in 0..40_u64,
            tags: Vec<u8>,
            capacity in 1..50_usize,
        ) {
            purges.truncate(40);
            let numbered = purges.iter().zip(1..).map(|(&(tag, is_soft), number)| (tag % 8, is_soft, number));
            let mut numbered: Vec<_> = numbered.collect();
            let tags: Vec<_> = tags.iter().map(|tag| tag % 8).collect();
            if !numbered.is_empty() {
                // some come late, and some twice
                let at = order.index(numbered.len());
                numbered.rotate_left(at);
                numbered.extend_from_within(..at);
            }
            let mut log = PurgeLog::new(capacity);
            for &(tag, is_soft, number) in &numbered {
                log.record(tag, PurgeNumbers::of(number, is_soft.then(|| time_of(number))));
            }
            prop_assert!(log.len() <= capacity);
            let expected = expected(&numbered, since, &tags);
            match log.state(since, tags) {
                PurgeState::Unknown => prop_assert!(since < log.complete_from()),
                state if since < log.complete_from() => {
                    prop_assert_eq!(state, PurgeState::Purged);
                    prop_assert_eq!(expected, PurgeState::Purged);
                }
                state => prop_assert_eq!(state, expected),
            }
        }
    }
}
