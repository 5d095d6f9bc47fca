//! Tests of the table: its bounds, its counts, and that it keeps nothing that has left.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{expiry::MAX_EXPIRED_PER_STEP, *};
use crate::{
    entry::{Entry, Kind},
    purge::PurgeNumber,
    store::acceptance::samples::{entry, key, response},
};

const MINUTE: Duration = Duration::from_secs(60);

fn slot(path: &str, length: usize, end: Timestamp) -> Slot {
    let Kind::Response(response) = response(&vec![7; length].into()) else { unreachable!() };
    let entry = entry(&key("h", path, None), PurgeNumber::default());
    Slot::new(Arc::new(Entry { kind: Kind::Response(response), ..entry }), end)
}

/// A table, its clock and a way to put a response of this length for a minute.
fn table(capacity: u64) -> (Table, Clock) {
    let clock = Clock::manual();
    (Table::new(capacity, clock.clone()), clock)
}

fn put(table: &Table, path: &str, length: usize) {
    table.insert(slot(path, length, table.now() + MINUTE), keep);
}

fn keep(_: &Slot) -> Fate {
    Fate::Keep
}

fn is_kept(table: &Table, path: &str) -> bool {
    table.get(&KeyParts::of(&key("h", path, None))).is_some()
}

/// What is counted, beside what is there.
fn assert_counts(table: &Table) {
    let size = table.size();
    let slots = table.slots();
    let bytes = slots.iter().map(|slot| slot.weight()).sum();
    assert_eq!(size, Size { entries: slots.len() as u64, bytes });
    assert_indexed(table, &slots);
}

/// The index has these entries and nothing else.
fn assert_indexed(table: &Table, slots: &[Arc<Slot>]) {
    let mut index = table.lock();
    index.clear_departed(table.now());
    let counts = index.counts();
    assert_eq!(
        (counts.entries, counts.ends, counts.members),
        (slots.len(), slots.len(), slots.len())
    );
    for slot in slots {
        let found = slot.place().and_then(|place| index.slot(place));
        assert!(found.is_some_and(|found| Arc::ptr_eq(&found, slot)), "{:?}", slot.entry.key);
    }
}

#[test]
fn capacity_holds_at_every_moment() {
    let (table, _) = table(100_000);
    for number in 0..500 {
        put(&table, &format!("/{number}"), number * 37 % 20_000);
        assert!(table.size().bytes <= 100_000);
    }
    assert!(table.size().entries > 3);
    assert_counts(&table);
}

#[test]
fn entries_leave_for_room_at_their_end_by_purges_and_for_others() {
    let (table, clock) = table(100_000);
    put(&table, "/a", 10);
    put(&table, "/a", 10);
    assert_eq!(table.evictions().replaced, 1);
    clock.advance(MINUTE);
    table.expire();
    assert_eq!(table.evictions().expired, 1);
    put(&table, "/b", 10);
    let there = table.get(&KeyParts::of(&key("h", "/b", None))).expect("kept");
    table.remove(&there);
    drop(there);
    assert_eq!(table.evictions().purged, 1);
    put(&table, "/c", 10);
    put(&table, "/d", 10);
    drop(table.take_all(|| ()));
    assert_eq!(table.evictions().purged, 3);
    for number in 0..50 {
        put(&table, &format!("/{number}"), 10_000);
        clock.advance(MINUTE / 100);
    }
    let Evictions { for_room, expired, purged, replaced, ages_for_room } = table.evictions();
    assert_eq!((expired, purged, replaced), (1, 3, 1));
    assert_eq!((for_room, ages_for_room.count()), (50 - table.size().entries, for_room));
}

#[test]
fn newcomers_get_in_where_popular_entries_have_ended() {
    let (table, clock) = table(1 << 20);
    for number in 0..20 {
        put(&table, &format!("/old/{number}"), 50_000);
    }
    for number in 0..20 {
        (0..50).for_each(|_| assert!(is_kept(&table, &format!("/old/{number}"))));
    }
    clock.advance(MINUTE);
    for number in 0..20 {
        put(&table, &format!("/new/{number}"), 50_000);
    }
    assert!((0..20).all(|number| is_kept(&table, &format!("/new/{number}"))));
    assert_eq!(table.size().entries, 20);
}

#[test]
fn ended_entries_leave_though_there_is_room() {
    let (table, clock) = table(1 << 20);
    (0..50).for_each(|number| put(&table, &format!("/{number}"), 100));
    clock.advance(Duration::from_secs(59));
    assert_eq!(table.size().entries, 50);
    clock.advance(Duration::from_secs(1));
    table.expire();
    assert_eq!(table.slots().len(), 50 - MAX_EXPIRED_PER_STEP);
    put(&table, "/new", 100);
    assert_eq!(table.slots().len(), 1);
    clock.advance(MINUTE);
    assert_eq!(table.size(), Size { entries: 0, bytes: 0 });
    assert_counts(&table);
}

#[test]
fn entry_with_no_time_left_removes_what_it_replaces() {
    let (table, _) = table(1 << 20);
    put(&table, "/a", 100);
    table.insert(slot("/a", 100, table.now()), keep);
    assert!(!is_kept(&table, "/a"));
    put(&table, "/a", 100);
    put(&table, "/a", 2 << 20);
    assert!(!is_kept(&table, "/a"), "larger than the table");
    assert_counts(&table);
}

#[test]
fn one_key_put_over_and_over_is_one_entry() {
    let (table, _) = table(1 << 20);
    (0..100_000).for_each(|number| put(&table, "/a", number % 1000));
    assert_eq!(table.size().entries, 1);
    assert_counts(&table);
}

#[test]
fn dead_entries_make_room_before_the_living() {
    let (table, _) = table(105_000);
    (0..9).for_each(|number| put(&table, &format!("/{number}"), 10_000));
    let purged = |slot: &Slot| Fate::remove_if(("/5".."/9").contains(&slot.entry.key.path()));
    table.suspect();
    table.insert(slot("/new", 10_000, table.now() + MINUTE), purged);
    assert!(is_kept(&table, "/new"));
    assert!((0..=4).all(|number| is_kept(&table, &format!("/{number}"))));
    assert!((5..9).all(|number| !is_kept(&table, &format!("/{number}"))));
}

#[test]
fn removal_leaves_what_has_come_in_its_place() {
    let (table, _) = table(1 << 20);
    put(&table, "/a", 100);
    let first = table.get(&KeyParts::of(&key("h", "/a", None))).unwrap();
    put(&table, "/a", 200);
    table.remove(&first);
    let second = table.get(&KeyParts::of(&key("h", "/a", None))).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    table.remove(&second);
    drop((first, second));
    assert!(!is_kept(&table, "/a"));
    assert_counts(&table);
}

#[test]
fn threads_do_not_keep_what_was_removed() {
    let (table, _) = table(1 << 20);
    put(&table, "/a", 100);
    let slot = table.get(&KeyParts::of(&key("h", "/a", None))).unwrap();
    let entry = Arc::downgrade(&slot.entry);
    table.remove(&slot);
    drop(slot);
    assert!(entry.upgrade().is_none());
}

#[test]
fn threads_that_put_read_and_remove_at_once_lose_no_count() {
    let (table, clock) = table(200_000);
    let over = AtomicBool::new(false);
    let (table, over) = (&table, &over);
    std::thread::scope(|scope| {
        let threads = [1, 2, 3].map(|seed| scope.spawn(move || disturb(table, seed)));
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                clock.advance(Duration::from_secs(1));
                assert!(table.size().bytes <= 200_000);
            }
        });
        let ended = threads.map(std::thread::ScopedJoinHandle::join);
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert_counts(table);
}

/// Puts, reads and removes at random.
fn disturb(table: &Table, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..20_000 {
        let path = format!("/{}", rng.u8(..));
        match rng.u8(..10) {
            0..4 => put(table, &path, rng.usize(..4000)),
            4 => {
                if let Some(slot) = table.get(&KeyParts::of(&key("h", &path, None))) {
                    table.remove(&slot);
                }
            }
            _ => drop(table.get(&KeyParts::of(&key("h", &path, None)))),
        }
    }
}

#[test]
fn removed_entry_is_not_read_again_while_a_reader_holds_it() {
    let (table, _) = table(1 << 20);
    put(&table, "/a", 10);
    let held = table.get(&KeyParts::of(&key("h", "/a", None))).unwrap();
    table.remove(&held);
    assert!(!is_kept(&table, "/a"));
}

#[test]
fn end_of_an_evicted_entry_does_not_remove_the_one_in_its_place() {
    let (table, clock) = table(1 << 20);
    table.insert(slot("/a", 10, table.now() + MINUTE / 2), keep);
    let _held = table.get(&KeyParts::of(&key("h", "/a", None))).unwrap();
    // as an eviction does, which is not announced
    table.cache.load().invalidate(&table.hash(&key("h", "/a", None)));
    put(&table, "/a", 10);
    clock.advance(MINUTE / 2);
    table.expire();
    assert!(is_kept(&table, "/a"));
}

#[test]
fn sweep_of_a_tag_sees_all_of_its_entries_and_hardly_any_other() {
    let (table, _) = table(64 << 20);
    for number in 0..1000 {
        put(&table, &format!("/{number}"), 10);
        table.insert(slot_with_query(number, &table), keep);
    }
    let (mut sweep, mut seen, mut steps) = (table.sweep_of(&Target::Path("/a".into())), 0, 0);
    let mut count = |slot: &Slot| {
        seen += usize::from(slot.entry.key.path() == "/a");
        Fate::Remove
    };
    while !table.step(&mut sweep, &mut count) {
        steps += 1;
        assert!(
            table.size().entries >= 2000 - steps * LOOKED_AT_PER_STEP as u64,
            "a step is bounded"
        );
    }
    assert_eq!(seen, 1000);
    assert!((990..=1000).contains(&table.size().entries));
    assert_counts(&table);
}

fn slot_with_query(number: usize, table: &Table) -> Slot {
    let key = key("h", "/a", Some(&number.to_string()));
    Slot::new(Arc::new(entry(&key, PurgeNumber::default())), table.now() + MINUTE)
}

#[test]
fn sweep_of_all_sees_every_entry() {
    let (table, _) = table(64 << 20);
    (0..1000).for_each(|number| put(&table, &format!("/{number}"), 10));
    let (mut sweep, mut seen) = (Sweep::all(), 0);
    while !table.step(&mut sweep, |_| {
        seen += 1;
        Fate::Keep
    }) {}
    assert_eq!((seen, table.size().entries), (1000, 1000));
}

#[test]
fn entry_that_ends_early_leaves_then() {
    let (table, clock) = table(1 << 20);
    put(&table, "/a", 10);
    put(&table, "/b", 10);
    let early = table.now() + MINUTE / 2;
    let mut sweep = table.sweep_of(&Target::Path("/a".into()));
    assert!(table.step(&mut sweep, |_| Fate::EndEarly(early)));
    assert_counts(&table);
    clock.advance(MINUTE / 2);
    assert_eq!(table.size().entries, 1);
    assert!(is_kept(&table, "/b"));
    assert_counts(&table);
}

#[test]
fn everything_goes_at_once_and_what_comes_after_stays() {
    let (table, _) = table(1 << 20);
    (0..50).for_each(|number| put(&table, &format!("/{number}"), 10));
    let held = table.get(&KeyParts::of(&key("h", "/7", None))).unwrap();
    let ((), old) = table.take_all(|| ());
    assert_eq!((old.iter().count(), table.size()), (50, Size::default()));
    put(&table, "/7", 10);
    table.remove(&held);
    drop((old, held));
    assert!(is_kept(&table, "/7"));
    assert_counts(&table);
}

#[test]
fn evicted_entries_leave_the_index() {
    let (table, _) = table(20_000);
    (0..2000).for_each(|number| put(&table, &format!("/{number}"), 100));
    assert_counts(&table);
    let places = table.lock().len();
    assert!(places < 100, "{places} places for {} entries", table.size().entries);
}
