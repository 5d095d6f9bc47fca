//! What purges concern, by their stamps.

use super::*;
use crate::{
    entry::{Kind, Selecting},
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

fn alive(stamps: &Stamps, entry: &Entry) -> bool {
    standing(stamps, entry) != Standing::Gone
}

fn standing(stamps: &Stamps, entry: &Entry) -> Standing {
    stamps.standing(entry, entry.since.number())
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
fn a_purge_takes_what_it_concerns_and_what_was_begun_before_it() {
    for target in targets() {
        let stamps = Stamps::default();
        let before = entry("/a", "g", stamps.purge_number());
        let other = entry("/b", "other", stamps.purge_number());
        assert!(alive(&stamps, &before));
        stamps.stamp(&target);
        assert!(!alive(&stamps, &before), "{target:?}");
        assert_eq!(alive(&stamps, &other), target != Purge::all(), "{target:?}");
        assert!(alive(&stamps, &entry("/a", "g", stamps.purge_number())), "{target:?}");
    }
}

#[test]
fn a_soft_purge_makes_stale_what_was_begun_before_it() {
    let then = Timestamp::from_secs(7);
    for target in targets() {
        let stamps = Stamps::default();
        let before = entry("/a", "g", stamps.purge_number());
        let other = entry("/b", "other", stamps.purge_number());
        stamps.stamp(&target.clone().soft_since(then));
        let stale = Standing::Stale(then, 1);
        assert_eq!(standing(&stamps, &before), stale, "{target:?}");
        let expected = if target == Purge::all() { stale } else { Standing::Alive(1) };
        assert_eq!(standing(&stamps, &other), expected, "{target:?}");
        let after = entry("/a", "g", stamps.purge_number());
        assert_eq!(standing(&stamps, &after), Standing::Alive(1), "{target:?}");
        assert_eq!(stamps.standing(&before, 1), Standing::Alive(1), "known to be stale");
    }
}

#[test]
fn a_hard_purge_beats_a_soft_one_whichever_comes_first() {
    let soft = |purge: &Purge| purge.clone().soft();
    for hard in targets() {
        for other in targets() {
            for pair in [[hard.clone(), soft(&other)], [soft(&other), hard.clone()]] {
                let stamps = Stamps::default();
                let entry = entry("/a", "g", stamps.purge_number());
                for purge in &pair {
                    stamps.stamp(purge);
                }
                assert_eq!(standing(&stamps, &entry), Standing::Gone, "{pair:?}");
            }
        }
    }
}

#[test]
fn of_several_soft_purges_the_first_counts() {
    let at = Timestamp::from_secs;
    let stamps = Stamps::default();
    let entry = entry("/a", "g", stamps.purge_number());
    stamps.stamp(&Purge::path("/a").soft_since(at(1)));
    stamps.stamp(&Purge::prefix("/").soft_since(at(2)));
    stamps.stamp(&Purge::all().soft_since(at(3)));
    assert_eq!(standing(&stamps, &entry), Standing::Stale(at(1), 3));
    assert_eq!(stamps.standing(&entry, 1), Standing::Stale(at(2), 3));
}

#[test]
fn what_has_been_checked_needs_no_second_look() {
    let stamps = Stamps::default();
    let entry = entry("/a", "g", stamps.purge_number());
    stamps.stamp(&Purge::path("/b"));
    assert_eq!(stamps.standing(&entry, 0), Standing::Alive(1));
    assert_eq!(stamps.standing(&entry, 1), Standing::Alive(1));
}

#[test]
fn counting_looks_at_the_time_before_the_purge() {
    let stamps = Stamps::default();
    let entry = entry("/a", "g", stamps.purge_number());
    for target in [Purge::path("/a"), Purge::prefix("/a"), Purge::all()] {
        let fresh = Entry { since: stamps.purge_number(), ..entry.clone() };
        let checked = fresh.since.number();
        let stamped = stamps.stamp(&target);
        assert!(stamps.alive_before(&fresh, checked, stamped), "{target:?}");
        let again = stamps.stamp(&target);
        assert!(!stamps.alive_before(&fresh, checked, again), "{target:?}");
    }
}

#[test]
fn too_many_stamps_merge_and_lose_no_purge() {
    let stamps = Stamps::default();
    let unread = entry("/unread", "g", stamps.purge_number());
    let victim = entry("/0", "g", stamps.purge_number());
    let read = entry("/read", "g", stamps.purge_number());
    let mut checked = 0;
    for number in 0..=MAX_STAMPS {
        stamps.stamp(&Purge::path(format!("/{number}")));
        let Standing::Alive(known) = stamps.standing(&read, checked) else {
            panic!("read often, never purged");
        };
        checked = known;
    }
    assert!(!alive(&stamps, &victim));
    assert!(!alive(&stamps, &unread), "not read since the oldest stamps went");
    assert!(stamps.read().by_target.len() <= MAX_STAMPS);
}

#[test]
fn many_purges_of_prefixes_take_only_what_is_below_them() {
    let stamps = Stamps::default();
    let other = entry("/other", "g", stamps.purge_number());
    let below = entry("/x/7/y", "g", stamps.purge_number());
    for number in 0..2000 {
        stamps.stamp(&Purge::prefix(format!("/x/{number}")));
    }
    assert!(alive(&stamps, &other) && !alive(&stamps, &below));
    let deep = "/x".repeat(100);
    let below = entry(&format!("{deep}/y"), "g", stamps.purge_number());
    stamps.stamp(&Purge::prefix(&deep));
    assert!(!alive(&stamps, &below));
}

#[test]
fn a_walk_is_due_after_many_purges_and_claimed_once() {
    let stamps = Stamps::default();
    for _ in 1..WALK_EVERY {
        stamps.stamp(&Purge::path("/a"));
    }
    assert!(!stamps.claim_walk());
    stamps.stamp(&Purge::path("/a"));
    assert!(stamps.claim_walk() && !stamps.claim_walk());
}
