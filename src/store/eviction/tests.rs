//! Tests of the order in which entries leave.

use std::time::Duration;

use super::*;
use crate::{
    purge::Mark,
    store::acceptance::samples::{entry, key},
};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn slot(number: usize, end: u64) -> Arc<Slot> {
    let entry = entry(&key("h", &format!("/{number}"), None), Mark::default());
    Arc::new(Slot::new(Arc::new(entry), START + Duration::from_secs(end)))
}

/// An order of so many entries, none of them read.
fn order_of(count: usize) -> (Eviction, Vec<Arc<Slot>>) {
    let mut order = Eviction::default();
    let slots: Vec<_> = (0..count).map(|number| slot(number, 60)).collect();
    for slot in &slots {
        order.add(slot, None);
    }
    (order, slots)
}

fn mark_used(slots: &[Arc<Slot>]) {
    for slot in slots {
        slot.mark_used();
    }
}

fn is_dead(_: &Slot) -> bool {
    false
}

fn is_kept(order: &Eviction, slot: &Arc<Slot>) -> bool {
    order.order.values().any(|there| Arc::ptr_eq(there, slot))
}

#[test]
fn oldest_leave_first_where_nothing_is_read() {
    let (mut order, slots) = order_of(5);
    for slot in &slots {
        assert!(Arc::ptr_eq(&order.take_next(is_dead).unwrap(), slot));
    }
    assert!(order.take_next(is_dead).is_none());
    assert_eq!((order.len(), order.weight(), order.ends.len()), (0, 0, 0));
}

#[test]
fn entries_that_are_read_outlive_a_scan() {
    let (mut order, popular) = order_of(10);
    for number in 0..1000 {
        mark_used(&popular);
        if number >= 10 {
            order.take_next(is_dead);
        }
        order.add(&slot(100 + number, 60), None);
    }
    assert_eq!(order.len(), 20);
    assert!(popular.iter().all(|slot| is_kept(&order, slot)));
}

#[test]
fn entries_that_are_read_no_more_leave() {
    let (mut order, popular) = order_of(10);
    mark_used(&popular);
    for number in 0..20 {
        order.take_next(is_dead);
        order.add(&slot(100 + number, 60), None);
    }
    assert!(!popular.iter().any(|slot| is_kept(&order, slot)));
}

#[test]
fn one_eviction_passes_few_where_everything_is_read() {
    let (mut order, slots) = order_of(1000);
    mark_used(&slots);
    assert!(order.take_next(is_dead).is_some());
    let passed = slots.iter().filter(|slot| !slot.take_used()).count();
    assert_eq!(passed, MAX_PASSED + 1);
}

#[test]
fn dead_leave_though_they_were_read() {
    let (mut order, slots) = order_of(5);
    mark_used(&slots);
    let third = slots[2].place();
    let dead = |slot: &Slot| slot.place() == third;
    assert!(Arc::ptr_eq(&order.take_next(dead).unwrap(), &slots[2]));
}

#[test]
fn ended_leave_in_the_order_of_their_ends() {
    let mut order = Eviction::default();
    for (number, end) in [30, 10, 20, 10].into_iter().enumerate() {
        order.add(&slot(number, end), None);
    }
    let at = |seconds| START + Duration::from_secs(seconds);
    assert!(order.take_ended(at(9)).is_none());
    let ends = std::iter::from_fn(|| order.take_ended(at(20))).map(|slot| slot.end());
    assert_eq!(ends.collect::<Vec<_>>(), [at(10), at(10), at(20)]);
    assert_eq!(order.len(), 1);
}

#[test]
fn every_entry_is_inspected_in_the_course_of_calls() {
    let (mut order, slots) = order_of(10);
    let odd = |slot: &Slot| !slot.place().is_multiple_of(2);
    for _ in 0..3 {
        assert!(order.take_dead(odd).len() <= INSPECTED / 2);
    }
    assert!(slots.iter().all(|slot| is_kept(&order, slot) != odd(slot)));
    assert!(order.take_dead(odd).is_empty());
}

#[test]
fn suspects_are_inspected_soon_and_once() {
    let (mut order, slots) = order_of(100);
    let even = |slot: &Slot| slot.place().is_multiple_of(2);
    order.suspect();
    assert_eq!((order.take_dead(even).len(), order.take_dead(even).len()), (32, 18));
    assert!(slots.iter().all(|slot| is_kept(&order, slot) != even(slot)));
    assert_eq!(order.take_dead(|_| true).len(), INSPECTED);
}

#[test]
fn what_is_replaced_leaves_nothing_behind() {
    let (mut order, slots) = order_of(3);
    let mut last = Arc::clone(&slots[1]);
    for end in 0..10_000 {
        let next = slot(1, end);
        assert!(order.remove(&last));
        order.add(&next, Some(last.place()));
        last = next;
    }
    assert_eq!((order.order.len(), order.ends.len()), (3, 3));
    assert_eq!(order.weight(), slots.iter().map(|slot| slot.weight()).sum::<u64>());
    assert!(!order.remove(&slots[1]), "another one is in its place");
}
