//! Which entries a purge concerns, and what is left of the log when it is full.

use super::*;
use crate::{
    entry::{Kind, Selecting, Timestamp},
    key::KeyBuilder,
};

fn entry(path: &str, group: &str, since: PurgeNumber) -> Entry {
    Entry {
        key: KeyBuilder::new(false, "h", path, None).finish(),
        since,
        groups: vec![group.to_owned()],
        kind: Kind::Varies(Selecting::default()),
    }
}

fn is_valid_or_stale(log: &SharedPurgeLog, entry: &Entry) -> bool {
    state(log, entry).0 != PurgeState::Purged
}

fn state(log: &SharedPurgeLog, entry: &Entry) -> (PurgeState, u64) {
    log.state(entry, entry.since.number())
}

fn targets() -> [Purge; 7] {
    [
        Purge::path("/a"),
        Purge::url("/a"),
        Purge::url("http://H/a"),
        Purge::prefix("/a"),
        Purge::group("g"),
        Purge::entry(entry("/a", "g", PurgeNumber::default()).key),
        Purge::all(),
    ]
}

#[test]
fn purge_takes_entries_it_concerns_that_began_before_it() {
    for target in targets() {
        let log = SharedPurgeLog::default();
        let before = entry("/a", "g", log.purge_number());
        let other = entry("/b", "other", log.purge_number());
        assert!(is_valid_or_stale(&log, &before));
        log.record(&target);
        assert!(!is_valid_or_stale(&log, &before), "{target:?}");
        assert_eq!(is_valid_or_stale(&log, &other), target != Purge::all(), "{target:?}");
        assert!(is_valid_or_stale(&log, &entry("/a", "g", log.purge_number())), "{target:?}");
    }
}

#[test]
fn purge_concerns_what_it_names_until_its_number_is_known() {
    for target in targets().into_iter().chain(targets().map(Purge::soft)) {
        let log = SharedPurgeLog::default();
        let (named, other) =
            (entry("/a", "g", log.purge_number()), entry("/b", "other", log.purge_number()));
        let is_all = *target.target() == *Purge::all().target();
        assert!(!log.concerns(&named, 0) && !log.is_purged(&named.key, 0));
        log.record(&target);
        assert!(log.concerns(&named, 0), "{target:?}");
        assert_eq!(log.concerns(&other, 0), is_all, "{target:?}");
        assert!(!log.concerns(&named, 1), "{target:?}");
        // a group is not the key's own
        let names_key = *target.target() != *Purge::group("g").target();
        assert_eq!(log.is_purged(&named.key, 0), names_key, "{target:?}");
        assert_eq!(log.is_purged(&other.key, 0), is_all, "{target:?}");
        assert!(!log.is_purged(&named.key, 1), "{target:?}");
    }
}

#[test]
fn purge_of_any_url_of_a_path_is_noticed() {
    for (target, expected) in [
        (Purge::url("/a"), true),
        (Purge::url("http://H/a?q=1"), true),
        (Purge::all(), true),
        (Purge::url("/b"), false),
        (Purge::group("g"), false),
    ] {
        let log = SharedPurgeLog::default();
        let named = entry("/a", "g", log.purge_number());
        log.record(&target);
        assert_eq!(log.is_any_url_purged(&named.key, 0), expected, "{target:?}");
        assert!(!log.is_any_url_purged(&named.key, 1), "{target:?}");
    }
}

#[test]
fn soft_purge_makes_stale_entries_that_began_before_it() {
    let then = Timestamp::from_secs(7);
    for target in targets() {
        let log = SharedPurgeLog::default();
        let before = entry("/a", "g", log.purge_number());
        let other = entry("/b", "other", log.purge_number());
        log.record(&target.clone().soft_since(then));
        let stale = (PurgeState::StaleSince(then), 1);
        assert_eq!(state(&log, &before), stale, "{target:?}");
        let expected = if target == Purge::all() { stale } else { (PurgeState::Valid, 1) };
        assert_eq!(state(&log, &other), expected, "{target:?}");
        let after = entry("/a", "g", log.purge_number());
        assert_eq!(state(&log, &after), (PurgeState::Valid, 1), "{target:?}");
        assert_eq!(log.state(&before, 1), (PurgeState::Valid, 1), "known to be stale");
    }
}

#[test]
fn hard_purge_beats_soft_one_in_either_order() {
    let soft = |purge: &Purge| purge.clone().soft();
    for hard in targets() {
        for other in targets() {
            for pair in [[hard.clone(), soft(&other)], [soft(&other), hard.clone()]] {
                let log = SharedPurgeLog::default();
                let entry = entry("/a", "g", log.purge_number());
                for purge in &pair {
                    log.record(purge);
                }
                assert_eq!(state(&log, &entry).0, PurgeState::Purged, "{pair:?}");
            }
        }
    }
}

#[test]
fn first_of_several_soft_purges_counts() {
    let at = Timestamp::from_secs;
    let log = SharedPurgeLog::default();
    let entry = entry("/a", "g", log.purge_number());
    log.record(&Purge::path("/a").soft_since(at(1)));
    log.record(&Purge::prefix("/").soft_since(at(2)));
    log.record(&Purge::all().soft_since(at(3)));
    assert_eq!(state(&log, &entry), (PurgeState::StaleSince(at(1)), 3));
    assert_eq!(log.state(&entry, 1), (PurgeState::StaleSince(at(2)), 3));
}

#[test]
fn state_holds_up_to_the_newest_purge() {
    let log = SharedPurgeLog::default();
    let entry = entry("/a", "g", log.purge_number());
    log.record(&Purge::path("/b"));
    assert_eq!(log.state(&entry, 0), (PurgeState::Valid, 1));
    assert_eq!(log.state(&entry, 1), (PurgeState::Valid, 1));
}

#[test]
fn count_is_of_entries_valid_before_the_purge() {
    let log = SharedPurgeLog::default();
    let entry = entry("/a", "g", log.purge_number());
    for target in [Purge::path("/a"), Purge::prefix("/a"), Purge::all()] {
        let fresh = Entry { since: log.purge_number(), ..entry.clone() };
        let checked = fresh.since.number();
        let recorded = log.record(&target);
        assert!(log.was_valid_before(&fresh, checked, &recorded), "{target:?}");
        let again = log.record(&target);
        assert!(!log.was_valid_before(&fresh, checked, &again), "{target:?}");
    }
}

#[test]
fn purge_takes_nothing_that_one_of_another_target_has_taken() {
    for (one, other) in
        targets().into_iter().flat_map(|one| targets().map(|other| (one.clone(), other)))
    {
        let log = SharedPurgeLog::default();
        let fresh = entry("/a", "g", log.purge_number());
        let first = log.record(&one);
        assert!(log.was_valid_before(&fresh, 0, &first), "{one:?}");
        let second = log.record(&other);
        assert!(!log.was_valid_before(&fresh, 0, &second), "{one:?} {other:?}");
    }
}

#[test]
fn purge_of_everything_leaves_no_record_of_single_ones() {
    let log = SharedPurgeLog::default();
    let before = entry("/a", "g", log.purge_number());
    for target in targets() {
        log.record(&target);
    }
    assert_eq!(log.read().log.len(), 0, "the last of them is of everything");
    assert!(!is_valid_or_stale(&log, &before));
}

#[test]
fn second_soft_purge_finds_what_the_first_has_made_stale() {
    for target in targets().map(Purge::soft) {
        let log = SharedPurgeLog::default();
        let fresh = entry("/a", "g", log.purge_number());
        let first = log.record(&target);
        assert!(log.was_fresh_before(&fresh, 0, &first), "{target:?}");
        let second = log.record(&target);
        assert!(!log.was_fresh_before(&fresh, 0, &second), "{target:?}");
        assert!(log.was_fresh_before(&fresh, 1, &second), "{target:?}");
    }
}

#[test]
fn forgotten_purges_count_as_hard_ones() {
    let log = SharedPurgeLog::default();
    let unread = entry("/unread", "g", log.purge_number());
    let victim = entry("/0", "g", log.purge_number());
    let read = entry("/read", "g", log.purge_number());
    let mut checked = 0;
    for number in 0..=MAX_PURGES {
        log.record(&Purge::path(format!("/{number}")));
        let (PurgeState::Valid, known) = log.state(&read, checked) else {
            panic!("read often, never purged");
        };
        checked = known;
    }
    assert!(!is_valid_or_stale(&log, &victim));
    assert!(!is_valid_or_stale(&log, &unread), "not read since the oldest purges were forgotten");
    assert!(log.read().log.len() <= MAX_PURGES);
}

#[test]
fn many_prefix_purges_take_only_what_is_below_them() {
    let log = SharedPurgeLog::default();
    let other = entry("/other", "g", log.purge_number());
    let below = entry("/x/7/y", "g", log.purge_number());
    for number in 0..2000 {
        log.record(&Purge::prefix(format!("/x/{number}")));
    }
    assert!(is_valid_or_stale(&log, &other) && !is_valid_or_stale(&log, &below));
    let deep = "/x".repeat(100);
    let below = entry(&format!("{deep}/y"), "g", log.purge_number());
    log.record(&Purge::prefix(&deep));
    assert!(!is_valid_or_stale(&log, &below));
}

#[test]
fn walk_is_due_after_many_purges_and_claimed_once() {
    let log = SharedPurgeLog::default();
    for _ in 1..WALK_EVERY {
        log.record(&Purge::path("/a"));
    }
    assert!(!log.claim_walk());
    log.record(&Purge::path("/a"));
    assert!(log.claim_walk() && !log.claim_walk());
}
