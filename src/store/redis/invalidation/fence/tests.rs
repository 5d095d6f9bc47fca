//! How fences decide about fills and entries.

use std::fmt::Display;

use super::*;

fn text(text: impl Display) -> Value {
    Value::BulkString(text.to_string().into_bytes())
}

/// What is read of a clock with this base, seed and time.
fn clock(base: Value, seed: Value, now: Value, fences: &[Value]) -> Value {
    Value::Array([&[base, seed, now, text(60_000)], fences].concat())
}

/// Of a fill that began at 7.
fn state_of_fill(seed: u64, now: u64, fences: &[Value]) -> PurgeState {
    let reply = clock(text(3), text(seed), text(now), fences);
    Fences::of(&reply).expect("a clock").state_of_fill(PurgeNumber::new(7))
}

#[test]
fn fill_is_published_when_no_purge_came_after_it() {
    assert_eq!(
        state_of_fill(5, 9, &[Value::Nil, text(6), text(7), text("0 7 9")]),
        PurgeState::Valid
    );
    assert_eq!(state_of_fill(7, 7, &[]), PurgeState::Valid);
    assert_eq!(state_of_fill(5, 9, &[Value::Nil, text(8)]), PurgeState::Purged);
}

#[test]
fn fill_is_stale_behind_a_soft_purge_and_refused_behind_a_hard_one() {
    let judged =
        |fences: &[&str]| state_of_fill(5, 9, &fences.iter().map(text).collect::<Vec<_>>());
    let stale = |then| PurgeState::StaleSince(Timestamp::from_millis(then));
    assert_eq!(judged(&["0 8 1000"]), stale(1000));
    assert_eq!(judged(&["7 8 1000", "0 9 900", "3"]), stale(900));
    assert_eq!(judged(&["8 9 1000"]), PurgeState::Purged);
    assert_eq!(judged(&["0 8 1000", "9"]), PurgeState::Purged);
    for odd in ["", "x", "0 8", "0 8 x", "0 8 1 1", "0  8 1", "-1"] {
        assert_eq!(judged(&[odd]), PurgeState::Unknown, "{odd:?}");
    }
    assert_eq!(judged(&["0 8 18446744073709551615"]), stale(i64::MAX));
}

#[test]
fn published_entry_outlives_fences_that_are_gone_if_their_removals_are_done() {
    let reply = clock(text(3), text(5), text(9), &[text(1)]);
    let fences = Fences::of(&reply).expect("a clock");
    assert_eq!(fences.state_of_entry(PurgeNumber::new(4)), PurgeState::Valid);
    assert!(fences.needs_index(PurgeNumber::new(4)) && !fences.needs_index(PurgeNumber::new(5)));
    assert_eq!(fences.state_of_fill(PurgeNumber::new(4)), PurgeState::Unknown);
    assert_eq!(
        fences.state_of_entry(PurgeNumber::new(2)),
        PurgeState::Unknown,
        "they may not have been"
    );
    let reply = clock(Value::Nil, text(5), text(9), &[]);
    let of_earlier_version = Fences::of(&reply).expect("a clock");
    assert_eq!(of_earlier_version.state_of_entry(PurgeNumber::new(4)), PurgeState::Unknown);
}

#[test]
fn fences_are_read_in_both_protocols() {
    let name = |text: &[u8]| Value::BulkString(text.to_vec());
    let tag = *b"0123456789abcdef";
    let read = |fence: Value| {
        let pairs = vec![(name(b"seed"), text(5)), (name(&tag), fence)];
        let flat = pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
        let (mut flat_fences, mut fences) = (vec![], vec![]);
        read_page(&Value::Array(flat.collect()), &mut flat_fences).expect("pairs");
        read_page(&Value::Map(pairs), &mut fences).expect("pairs");
        assert_eq!(fences, flat_fences);
        fences
    };
    assert_eq!(read(text(7)), vec![(tag, Some(PurgeNumbers { hard: 7, soft: None }))]);
    let soft = Some((8, Timestamp::from_millis(1000)));
    assert_eq!(read(text("7 8 1000")), vec![(tag, Some(PurgeNumbers { hard: 7, soft }))]);
    assert_eq!(read(name(b"foreign")), vec![(tag, None)]);
    assert_eq!(read_page(&Value::Nil, &mut vec![]), None);
}

#[test]
fn fill_from_an_unknown_time_is_refused() {
    assert_eq!(state_of_fill(8, 9, &[]), PurgeState::Unknown, "before the seed");
    assert_eq!(state_of_fill(5, 6, &[]), PurgeState::Unknown, "after now");
    assert_eq!(state_of_fill(5, 9, &[text("x")]), PurgeState::Unknown, "no number");
    for none in [Value::Nil, Value::Array(vec![]), clock(text(1), Value::Nil, Value::Nil, &[])] {
        assert!(Fences::of(&none).is_none(), "{none:?}");
    }
}
