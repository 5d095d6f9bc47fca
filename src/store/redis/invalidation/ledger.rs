//! The purges that a process knows of, by the fields of the clock that they raised. It does no I/O:
//! what is loaded and what is announced comes in, and what became of an entry goes out.

use std::collections::{HashMap, VecDeque};

use super::tags::Field;
use crate::entry::Timestamp;

/// How many purges are remembered, as many as [in Redis](super::logical_clock), at about 100 bytes each: 13 MB
/// at most. Past that the oldest go: of entries that have not been looked at since, Redis is asked
/// a second time.
const MAX_PURGES: usize = 1 << 17;

/// No clock goes back so far, in microseconds: what claims to be from such a time is not true.
const FAR_AHEAD: u64 = 24 * 60 * 60 * 1_000_000;

/// What is known of purges since a time.
#[derive(Debug, Default)]
pub(in crate::store) struct Ledger {
    /// Every purge with a higher number is here, up to `last`.
    floor: u64,
    /// The newest purge whose predecessors are known too.
    last: u64,
    /// The newest purge that is known.
    newest: u64,
    by_field: HashMap<Field, Raised, ahash::RandomState>,
    oldest_first: VecDeque<(u64, Field)>,
}

/// The purges that have raised a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Raised {
    /// The number of the newest hard one.
    pub(in crate::store) hard: u64,
    /// That of the newest soft one, and since when it makes stale.
    pub(in crate::store) soft: Option<(u64, Timestamp)>,
}

impl Raised {
    /// By one purge, which is soft if it says since when it makes stale.
    pub(in crate::store) fn by(number: u64, stale_since: Option<Timestamp>) -> Self {
        match stale_since {
            None => Self { hard: number, soft: None },
            Some(then) => Self { hard: 0, soft: Some((number, then)) },
        }
    }

    /// The number of the newest of them.
    pub(in crate::store) fn newest(self) -> u64 {
        self.soft.map_or(self.hard, |(soft, _)| self.hard.max(soft))
    }

    fn and(self, other: Self) -> Self {
        let soft = match (self.soft, other.soft) {
            (Some(one), Some(other)) if other.0 > one.0 => Some(other),
            (one, other) => one.or(other),
        };
        Self { hard: self.hard.max(other.hard), soft }
    }
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Standing {
    /// No purge concerns it.
    Alive,
    /// A soft purge has made it stale since then, though it may not say so itself.
    Stale(Timestamp),
    /// A purge has taken it, though it may still be there.
    Purged,
    /// Purges of its time are not known.
    Unknown,
}

/// What the server tells of purges: those since `seed`, up to `now`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Fences {
    pub(in crate::store) seed: u64,
    pub(in crate::store) now: u64,
    pub(in crate::store) raised: Vec<(Field, Raised)>,
}

impl Ledger {
    /// The number of the newest purge whose predecessors are known too.
    pub(in crate::store) const fn last(&self) -> u64 {
        self.last
    }

    /// Takes over what the server tells. What is known already stays: it has been so.
    pub(in crate::store) fn load(&mut self, loaded: Fences) {
        let Fences { seed, now, raised } = loaded;
        if now.saturating_add(FAR_AHEAD) < self.newest {
            *self = Self { floor: now, ..Self::default() };
        }
        // between what was known and the seed, something may have been missed
        if seed > self.last {
            self.floor = self.floor.max(seed);
        }
        self.last = now;
        for (field, raised) in raised {
            self.stamp(field, raised);
        }
    }

    /// A purge was announced, after the one with the number `before`. Whether all purges until then
    /// are known; if not, load.
    #[must_use]
    pub(in crate::store) fn announced(
        &mut self,
        before: u64,
        field: Field,
        raised: Raised,
    ) -> bool {
        self.stamp(field, raised);
        let is_next = before <= self.last;
        if is_next {
            // what is repeated, or comes late, changes nothing
            self.last = self.last.max(raised.newest());
        }
        is_next
    }

    /// A number which no purge known so far has reached, and no purge from now on falls below.
    pub(in crate::store) fn next(&self) -> u64 {
        self.last.max(self.newest).saturating_add(1)
    }

    /// Purges have raised a field.
    pub(in crate::store) fn stamp(&mut self, field: Field, raised: Raised) {
        let known = self.by_field.entry(field).or_default();
        let both = known.and(raised);
        if both == *known {
            return;
        }
        *known = both;
        self.newest = self.newest.max(both.newest());
        self.oldest_first.push_back((both.newest(), field));
        if self.oldest_first.len() > MAX_PURGES {
            self.forget_oldest();
        }
    }

    /// What is known of an entry of which no purge up to the number `since` counts.
    pub(in crate::store) fn standing(&self, since: u64, fields: &[Field]) -> Standing {
        let mut stale: Option<Timestamp> = None;
        if since < self.newest {
            for raised in fields.iter().filter_map(|field| self.by_field.get(field)) {
                match *raised {
                    Raised { hard, .. } if hard > since => return Standing::Purged,
                    Raised { soft: Some((soft, then)), .. } if soft > since => {
                        stale = Some(stale.map_or(then, |stale| stale.min(then)));
                    }
                    _ => {}
                }
            }
        }
        match stale {
            _ if since < self.floor => Standing::Unknown,
            Some(then) => Standing::Stale(then),
            None => Standing::Alive,
        }
    }

    /// Whether any purge is known that is newer than `since`, or may have been missed.
    pub(in crate::store) const fn is_of_interest(&self, since: u64) -> bool {
        since < self.newest || since < self.floor
    }

    /// Lets a quarter go at once, so that the cost is spread over many purges.
    fn forget_oldest(&mut self) {
        for (number, field) in self.oldest_first.drain(..MAX_PURGES / 4) {
            if self.by_field.get(&field).is_some_and(|raised| raised.newest() == number) {
                self.by_field.remove(&field);
                self.floor = self.floor.max(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Field = [1; 16];
    const B: Field = [2; 16];

    fn hard(number: u64) -> Raised {
        Raised::by(number, None)
    }

    fn loaded() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.load(Fences { seed: 100, now: 110, raised: vec![(A, hard(105))] });
        ledger
    }

    #[test]
    fn what_the_server_tells_is_known_from_its_seed_on() {
        let ledger = loaded();
        assert_eq!(ledger.standing(104, &[B, A]), Standing::Purged);
        assert_eq!(ledger.standing(105, &[B, A]), Standing::Alive);
        assert_eq!(ledger.standing(104, &[B]), Standing::Alive);
        assert_eq!(ledger.standing(99, &[B]), Standing::Unknown);
        assert_eq!(ledger.standing(99, &[A]), Standing::Purged);
        assert_eq!(Ledger::default().standing(0, &[A]), Standing::Alive);
    }

    #[test]
    fn announcements_follow_each_other_or_something_was_missed() {
        let mut ledger = loaded();
        assert!(ledger.announced(110, B, hard(120)));
        assert!(ledger.announced(120, A, hard(121)));
        assert_eq!(ledger.last(), 121);
        assert!(!ledger.announced(125, B, hard(130)), "125 was missed");
        assert_eq!(ledger.last(), 121);
        assert_eq!(ledger.standing(121, &[B]), Standing::Purged, "what was heard holds");
        ledger.load(Fences { seed: 100, now: 130, raised: vec![(A, hard(125)), (B, hard(130))] });
        assert_eq!(ledger.standing(124, &[A]), Standing::Purged);
        assert!(ledger.announced(130, A, hard(131)));
    }

    #[test]
    fn repeated_and_late_announcements_change_nothing() {
        let mut ledger = loaded();
        assert!(ledger.announced(110, B, hard(120)));
        assert!(ledger.announced(120, A, hard(130)));
        for (before, number, field) in [(120, 130, A), (110, 120, B), (104, 105, A)] {
            assert!(ledger.announced(before, field, hard(number)));
            assert_eq!(ledger.last(), 130);
            assert_eq!(ledger.standing(120, &[B]), Standing::Alive);
            assert_eq!(ledger.standing(130, &[A]), Standing::Alive);
            assert_eq!(ledger.standing(129, &[A]), Standing::Purged);
        }
    }

    #[test]
    fn after_a_restart_of_the_clock_older_entries_are_unknown() {
        let mut ledger = loaded();
        assert!(!ledger.announced(500, B, hard(501)));
        ledger.load(Fences { seed: 500, now: 501, raised: vec![(B, hard(501))] });
        assert_eq!(ledger.standing(110, &[A]), Standing::Unknown);
        assert_eq!(ledger.standing(104, &[A]), Standing::Purged, "it still was purged");
        assert_eq!(ledger.standing(500, &[A]), Standing::Alive);
    }

    #[test]
    fn a_number_that_cannot_be_does_not_stay() {
        let mut ledger = loaded();
        assert!(ledger.announced(110, A, hard(u64::MAX)));
        assert_eq!(ledger.standing(110, &[A]), Standing::Purged);
        ledger.load(Fences { seed: 100, now: 111, raised: vec![(B, hard(111))] });
        assert_eq!(ledger.standing(111, &[A]), Standing::Alive);
        assert_eq!(ledger.standing(110, &[A]), Standing::Unknown);
    }

    #[test]
    fn a_seed_moved_up_while_listening_hides_nothing() {
        let mut ledger = loaded();
        assert!(ledger.announced(110, B, hard(120)));
        ledger.load(Fences { seed: 120, now: 120, raised: vec![] });
        assert_eq!(ledger.standing(111, &[A]), Standing::Alive);
        assert_eq!(ledger.standing(111, &[B]), Standing::Purged);
    }

    #[test]
    fn a_purge_of_ones_own_takes_what_is_there_before_it_has_a_number() {
        let mut ledger = loaded();
        ledger.stamp(B, hard(ledger.next()));
        assert_eq!(ledger.standing(110, &[B]), Standing::Purged);
        assert_eq!(ledger.standing(111, &[B]), Standing::Alive, "no fill from before has it");
        ledger.stamp(B, hard(150));
        assert_eq!(ledger.standing(149, &[B]), Standing::Purged);
        assert_eq!(ledger.last(), 110, "others may have purged meanwhile");
    }

    #[test]
    fn soft_purges_make_stale_and_hard_ones_go_before_them() {
        let mut ledger = loaded();
        let at = Timestamp::from_secs;
        let soft = |number, then| Raised::by(number, Some(at(then)));
        assert!(ledger.announced(110, B, soft(120, 9)));
        assert_eq!(ledger.standing(119, &[B]), Standing::Stale(at(9)));
        assert_eq!(ledger.standing(120, &[B]), Standing::Alive);
        assert_eq!(ledger.standing(104, &[B, A]), Standing::Purged);
        assert!(ledger.announced(120, A, soft(121, 8)));
        assert_eq!(ledger.standing(119, &[B, A]), Standing::Stale(at(8)), "the first time");
        assert!(ledger.announced(121, B, hard(122)));
        assert_eq!(ledger.standing(121, &[B]), Standing::Purged);
        assert!(ledger.announced(110, B, soft(120, 9)), "repeated");
        assert_eq!(ledger.standing(122, &[B]), Standing::Alive);
    }

    #[test]
    fn the_oldest_are_forgotten_and_then_unknown() {
        let mut ledger = loaded();
        for number in 111..111 + MAX_PURGES as u64 {
            let mut field = [0; 16];
            field[..8].copy_from_slice(&number.to_be_bytes());
            assert!(ledger.announced(number - 1, field, hard(number)));
        }
        assert!(ledger.by_field.len() <= MAX_PURGES);
        assert_eq!(ledger.standing(110, &[A]), Standing::Unknown);
        assert_eq!(ledger.standing(ledger.last(), &[A]), Standing::Alive);
    }
}
