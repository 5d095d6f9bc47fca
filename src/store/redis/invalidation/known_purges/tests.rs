//! Purges that are loaded, announced, repeated, missed and forgotten.

use super::*;
use crate::entry::Timestamp;

const A: Tag = [1; 16];
const B: Tag = [2; 16];

fn hard(number: u64) -> PurgeNumbers {
    PurgeNumbers::of(number, None)
}

fn loaded() -> KnownPurges {
    let mut known = KnownPurges::default();
    known.load(LoadedPurges { seed: 100, now: 110, purges: vec![(A, hard(105))] });
    known
}

#[test]
fn loaded_purges_are_known_from_the_seed_on() {
    let known = loaded();
    assert_eq!(known.state(104, &[B, A]), PurgeState::Purged);
    assert_eq!(known.state(105, &[B, A]), PurgeState::Valid);
    assert_eq!(known.state(104, &[B]), PurgeState::Valid);
    assert_eq!(known.state(99, &[B]), PurgeState::Unknown);
    assert_eq!(known.state(99, &[A]), PurgeState::Purged);
    assert_eq!(KnownPurges::default().state(0, &[A]), PurgeState::Valid);
}

#[test]
fn gap_between_announcements_is_noticed() {
    let mut known = loaded();
    assert!(known.announced(110, B, hard(120)));
    assert!(known.announced(120, A, hard(121)));
    assert_eq!(known.complete_up_to(), 121);
    assert!(!known.announced(125, B, hard(130)), "125 was missed");
    assert_eq!(known.complete_up_to(), 121);
    assert_eq!(known.state(121, &[B]), PurgeState::Purged, "what was heard holds");
    known.load(LoadedPurges { seed: 100, now: 130, purges: vec![(A, hard(125)), (B, hard(130))] });
    assert_eq!(known.state(124, &[A]), PurgeState::Purged);
    assert!(known.announced(130, A, hard(131)));
}

#[test]
fn repeated_and_late_announcements_change_nothing() {
    let mut known = loaded();
    assert!(known.announced(110, B, hard(120)));
    assert!(known.announced(120, A, hard(130)));
    for (before, number, tag) in [(120, 130, A), (110, 120, B), (104, 105, A)] {
        assert!(known.announced(before, tag, hard(number)));
        assert_eq!(known.complete_up_to(), 130);
        assert_eq!(known.state(120, &[B]), PurgeState::Valid);
        assert_eq!(known.state(130, &[A]), PurgeState::Valid);
        assert_eq!(known.state(129, &[A]), PurgeState::Purged);
    }
}

#[test]
fn entries_older_than_a_restarted_clock_are_unknown() {
    let mut known = loaded();
    assert!(!known.announced(500, B, hard(501)));
    known.load(LoadedPurges { seed: 500, now: 501, purges: vec![(B, hard(501))] });
    assert_eq!(known.state(110, &[A]), PurgeState::Unknown);
    assert_eq!(known.state(104, &[A]), PurgeState::Purged, "it still was purged");
    assert_eq!(known.state(500, &[A]), PurgeState::Valid);
}

#[test]
fn impossible_number_does_not_stay() {
    let mut known = loaded();
    assert!(known.announced(110, A, hard(u64::MAX)));
    assert_eq!(known.state(110, &[A]), PurgeState::Purged);
    known.load(LoadedPurges { seed: 100, now: 111, purges: vec![(B, hard(111))] });
    assert_eq!(known.state(111, &[A]), PurgeState::Valid);
    assert_eq!(known.state(110, &[A]), PurgeState::Unknown);
}

#[test]
fn seed_that_moves_up_while_subscribed_hides_nothing() {
    let mut known = loaded();
    assert!(known.announced(110, B, hard(120)));
    known.load(LoadedPurges { seed: 120, now: 120, purges: vec![] });
    assert_eq!(known.state(111, &[A]), PurgeState::Valid);
    assert_eq!(known.state(111, &[B]), PurgeState::Purged);
}

#[test]
fn own_purge_takes_entries_before_it_has_a_number() {
    let mut known = loaded();
    known.record(B, hard(known.next_number()));
    assert_eq!(known.state(110, &[B]), PurgeState::Purged);
    assert_eq!(known.state(111, &[B]), PurgeState::Valid, "no fill from before has it");
    known.record(B, hard(150));
    assert_eq!(known.state(149, &[B]), PurgeState::Purged);
    assert_eq!(known.complete_up_to(), 110, "others may have purged meanwhile");
}

#[test]
fn soft_purges_make_stale_and_hard_ones_beat_them() {
    let mut known = loaded();
    let at = Timestamp::from_secs;
    let soft = |number, then| PurgeNumbers::of(number, Some(at(then)));
    assert!(known.announced(110, B, soft(120, 9)));
    assert_eq!(known.state(119, &[B]), PurgeState::StaleSince(at(9)));
    assert_eq!(known.state(120, &[B]), PurgeState::Valid);
    assert_eq!(known.state(104, &[B, A]), PurgeState::Purged);
    assert!(known.announced(120, A, soft(121, 8)));
    assert_eq!(known.state(119, &[B, A]), PurgeState::StaleSince(at(8)), "the first time");
    assert!(known.announced(121, B, hard(122)));
    assert_eq!(known.state(121, &[B]), PurgeState::Purged);
    assert!(known.announced(110, B, soft(120, 9)), "repeated");
    assert_eq!(known.state(122, &[B]), PurgeState::Valid);
}

#[test]
fn entries_older_than_forgotten_purges_are_unknown() {
    let mut known = loaded();
    for number in 111..111 + MAX_PURGES as u64 {
        let mut tag = [0; 16];
        tag[..8].copy_from_slice(&number.to_be_bytes());
        assert!(known.announced(number - 1, tag, hard(number)));
    }
    assert!(known.log.len() <= MAX_PURGES);
    assert_eq!(known.state(110, &[A]), PurgeState::Unknown);
    assert_eq!(known.state(known.complete_up_to(), &[A]), PurgeState::Valid);
}
