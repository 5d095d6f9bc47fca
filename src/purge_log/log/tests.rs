//! What a log says of entries, compared with one without a bound.

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
fn newest_soft_purge_counts_in_whichever_order_they_come() {
    for order in [[soft(5, 9), soft(6, 8)], [soft(6, 8), soft(5, 9)]] {
        let mut log = PurgeLog::new(10);
        for numbers in order {
            log.record('a', numbers);
        }
        assert_eq!(log.numbers_of('a'), soft(6, 8));
        assert_eq!(log.state(5, ['a']), PurgeState::StaleSince(at(8)));
    }
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
    log.lose_up_to(3);
    assert_eq!(log.state(5, ['a']), PurgeState::Unknown, "what is lost stays lost");
}

#[test]
fn soft_purge_makes_stale_only_entries_from_before_it() {
    let mut log = PurgeLog::new(10);
    log.record('a', soft(5, 9));
    log.record('b', hard(6));
    assert_eq!(log.state(4, ['a']), PurgeState::StaleSince(at(9)));
    assert_eq!(log.state(5, ['a']), PurgeState::Valid);
}

#[test]
fn log_tells_whether_there_is_any_newer_purge() {
    let mut log = PurgeLog::new(10);
    assert!(log.is_empty() && !log.is_newer_than(0));
    log.record('a', soft(3, 9));
    log.record('a', hard(5));
    assert!(!log.is_empty());
    assert_eq!(log.newest(), 5);
    assert!(log.is_newer_than(4) && !log.is_newer_than(5));
    log.lose_up_to(7);
    assert!(log.is_newer_than(6) && !log.is_newer_than(7), "a lost purge may be newer");
}

#[test]
fn full_log_forgets_the_oldest_quarter_at_once() {
    let mut log = PurgeLog::new(8);
    for (tag, number) in ('a'..='i').zip(1..) {
        log.record(tag, hard(number));
    }
    assert_eq!((log.len(), log.complete_from()), (7, 2));
    assert_eq!(log.state(1, ['b']), PurgeState::Unknown);
    assert_eq!(log.state(2, ['c']), PurgeState::Purged);
}

/// What a log of unlimited size says.
fn expected(purges: &[(u8, bool, u64)], since: u64, tags: &[u8]) -> PurgeState {
    let concerning = |tag| tags.contains(&tag);
    let newer = purges.iter().filter(|(tag, _, number)| concerning(*tag) && *number > since);
    let (mut stale, mut newest_soft) = (None, std::collections::HashMap::new());
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
