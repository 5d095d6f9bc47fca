//! Recorded bodies: their bounds, their budget and the memory that they hold.

use super::*;
use crate::engine::recording_budget::RecordingBudget;

const MIB: usize = 1 << 20;

fn recording(
    budget: &RecordingBudget,
    max_length: usize,
    content_length: Option<u64>,
) -> Recording {
    Recording::new(max_length, content_length, budget.reservation(64 * MIB))
}

#[test]
fn budget_counts_what_is_allocated() {
    let budget = RecordingBudget::default();
    let mut recording = recording(&budget, 2 * MIB, None);
    for count in 1..=100_000 {
        recording.push(b"x").unwrap();
        assert_eq!(budget.reserved(), recording.bytes.capacity());
        assert!(budget.reserved() < 2 * count || count < 2);
    }
    let body = recording.finish().unwrap();
    assert_eq!((body.len(), budget.reserved()), (100_000, 0));
}

#[test]
fn first_chunk_takes_no_more_than_it_needs() {
    let budget = RecordingBudget::default();
    let mut recording = recording(&budget, MIB, None);
    recording.push(b"four").unwrap();
    assert_eq!(budget.reserved(), 4);
}

#[test]
fn stated_length_takes_nothing_before_it_comes_and_bounds_what_is_taken() {
    let budget = RecordingBudget::default();
    let mut recording = recording(&budget, 2 * MIB, Some(MIB as u64));
    recording.push(b"x").unwrap();
    assert_eq!(budget.reserved(), 1);
    recording.push(&vec![b'x'; 600_000]).unwrap();
    recording.push(&vec![b'x'; 100_000]).unwrap();
    assert_eq!(budget.reserved(), MIB, "and not twice 600,000");
    recording.push(&vec![b'x'; MIB - 700_001]).unwrap();
    assert_eq!(recording.finish().unwrap().len(), MIB);
}

#[test]
fn body_of_another_length_than_stated_is_refused() {
    let budget = RecordingBudget::default();
    let mut longer = recording(&budget, MIB, Some(3));
    assert_eq!(longer.push(b"four"), Err(Reason::BodyLength));
    let mut shorter = recording(&budget, MIB, Some(3));
    shorter.push(b"2!").unwrap();
    assert_eq!(shorter.finish(), Err(Reason::BodyLength));
    let no_number = recording(&budget, MIB, Some(u64::MAX));
    assert_eq!(no_number.finish(), Err(Reason::BodyLength));
}

#[test]
fn body_grows_up_to_its_bound() {
    let budget = RecordingBudget::default();
    let mut recording = recording(&budget, 10, None);
    recording.push(b"123456").unwrap();
    recording.push(b"7").unwrap();
    assert_eq!(budget.reserved(), 10);
    recording.push(b"890").unwrap();
    assert_eq!(recording.push(b"1"), Err(Reason::TooLarge));
    assert_eq!(recording.push(&[]), Ok(()));
}

#[test]
fn recording_grows_in_small_steps_where_the_budget_does_not_allow_doubling() {
    let budget = RecordingBudget::default();
    let mut recording = Recording::new(MIB, None, budget.reservation(1000));
    recording.push(&[b'x'; 800]).unwrap();
    recording.push(b"x").unwrap();
    assert_eq!(budget.reserved(), 900);
    recording.push(&[b'x'; 99]).unwrap();
    assert_eq!(recording.push(b"x"), Err(Reason::RecordingBudget));
}

#[test]
fn chunks_of_larger_buffers_do_not_keep_them() {
    let budget = RecordingBudget::default();
    let buffer = Bytes::from(vec![b'x'; MIB]);
    let mut recording = recording(&budget, MIB, None);
    recording.push(&buffer.slice(..50)).unwrap();
    let body = recording.finish().unwrap();
    assert!(buffer.is_unique());
    assert_eq!(body, buffer.slice(..50));
}
