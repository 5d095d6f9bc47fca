//! Tables of `Range` and `If-Range`.

use actix_web::http::header::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::semantics::{fields::lists::known_fields, names::DATE};

type Lines<'a> = &'a [(&'a HeaderName, &'static str)];

fn of_hundred(range: &'static str) -> RangeAnswer {
    select(known_fields(&[(&RANGE, range)]).as_slice(), [].as_slice(), StatusCode::OK, 100)
}

#[test]
fn sets_of_ranges() {
    let table: &[(&str, &[(u64, u64)])] = &[
        ("bytes=0-9", &[(0, 10)]),
        ("bytes=0-0", &[(0, 1)]),
        ("BYTES=0-9", &[(0, 10)]),
        ("bytes=00-09", &[(0, 10)]),
        ("bytes= 0-9 ", &[(0, 10)]),
        ("bytes=,0-9,", &[(0, 10)]),
        ("bytes=90-", &[(90, 100)]),
        ("bytes=0-", &[(0, 100)]),
        ("bytes=90-200", &[(90, 100)]),
        ("bytes=90-99999999999999999999999", &[(90, 100)]),
        ("bytes=-10", &[(90, 100)]),
        ("bytes=-200", &[(0, 100)]),
        // s.14.1.2, in the order asked for
        ("bytes=50-59, 0-9", &[(50, 60), (0, 10)]),
        ("bytes=0-9, 200-300", &[(0, 10)]),
        ("bytes=0-0,-1", &[(0, 1), (99, 100)]),
        // coalesced
        ("bytes=0-9,10-19", &[(0, 20)]),
        ("bytes=0-50,40-99", &[(0, 100)]),
        ("bytes=0-9,80-89,5-85", &[(0, 90)]),
        ("bytes=60-69,0-9,5-20", &[(60, 70), (0, 21)]),
    ];
    for (range, expected) in table {
        let parts = expected.iter().map(|(start, end)| *start..*end).collect();
        assert_eq!(of_hundred(range), RangeAnswer::Parts(parts), "{range}");
    }
}

#[test]
fn unsatisfiable() {
    for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,200-300"] {
        assert_eq!(of_hundred(range), RangeAnswer::Unsatisfiable, "{range}");
    }
    let of_nothing = |range| {
        select(known_fields(&[(&RANGE, range)]).as_slice(), [].as_slice(), StatusCode::OK, 0)
    };
    assert_eq!(of_nothing("bytes=0-"), RangeAnswer::Unsatisfiable);
    assert_eq!(of_nothing("bytes=-5"), RangeAnswer::Whole);
}

#[test]
fn what_is_not_understood_is_ignored() {
    let many = "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,\
                28-28,30-30,32-32";
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=a-b",
        "bytes=9-0",
        "bytes=0-9,9-0",
        "bytes=-",
        "bytes=--5",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes =0-9",
        "lines=0-9",
        "0-9",
        "bytes:0-9",
        many,
    ] {
        assert_eq!(of_hundred(range), RangeAnswer::Whole, "{range}");
    }
    let twice = known_fields(&[(&RANGE, "bytes=0-1"), (&RANGE, "bytes=3-4")]);
    assert_eq!(select(twice.as_slice(), [].as_slice(), StatusCode::OK, 100), RangeAnswer::Whole);
    let one = known_fields(&[(&RANGE, "bytes=0-1")]);
    let not_found = select(one.as_slice(), [].as_slice(), StatusCode::NOT_FOUND, 100);
    assert_eq!(not_found, RangeAnswer::Whole);
}

#[test]
fn if_range_wants_a_strong_validator() {
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    let table: &[(&str, Lines<'_>, bool)] = &[
        ("\"a\"", &[(&ETAG, "\"a\"")], true),
        ("\"a\"", &[(&ETAG, "\"b\"")], false),
        ("\"a\"", &[], false),
        ("W/\"a\"", &[(&ETAG, "W/\"a\"")], false),
        ("\"a\"", &[(&ETAG, "W/\"a\"")], false),
        ("W/\"a\"", &[(&ETAG, "\"a\"")], false),
        ("a", &[(&ETAG, "a")], false),
        ("*", &[(&ETAG, "\"a\"")], false),
        (MODIFIED, &[(&LAST_MODIFIED, MODIFIED), (&DATE, LATER)], true),
        (MODIFIED, &[(&LAST_MODIFIED, MODIFIED), (&DATE, MODIFIED)], false),
        (MODIFIED, &[(&LAST_MODIFIED, MODIFIED)], false),
        (LATER, &[(&LAST_MODIFIED, MODIFIED), (&DATE, LATER)], false),
        (MODIFIED, &[(&DATE, LATER)], false),
    ];
    for (condition, stored, holds) in table {
        let mut req = known_fields(&[(&RANGE, "bytes=0-9")]);
        req.push((IF_RANGE.clone(), HeaderValue::from_str(condition).unwrap()));
        let stored = known_fields(stored);
        let found = select(req.as_slice(), stored.as_slice(), StatusCode::OK, 100);
        assert_eq!(found != RangeAnswer::Whole, *holds, "{condition} {stored:?}");
    }
}

#[test]
fn content_range_in_words() {
    assert_eq!(content_range(&(0..10), 100), "bytes 0-9/100");
    assert_eq!(
        content_range(&(0..u64::MAX), u64::MAX),
        "bytes 0-18446744073709551614/18446744073709551615"
    );
    assert_eq!(unsatisfied_range(100), "bytes */100");
}

proptest! {
    #[test]
    fn parts_are_within_and_apart(set in "bytes=[0-9,-]{0,40}", length in 0..2000_u64) {
        let req = vec![(RANGE.clone(), HeaderValue::try_from(set).unwrap())];
        let found = select(req.as_slice(), [].as_slice(), StatusCode::OK, length);
        if let RangeAnswer::Parts(mut parts) = found {
            prop_assert!(!parts.is_empty() && parts.len() <= MAX_RANGES);
            parts.sort_by_key(|part| part.start);
            prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            prop_assert!(parts.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        line in prop::collection::vec(any::<u8>(), 0..60), length: u64
    ) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            let req = [(RANGE.clone(), value.clone()), (IF_RANGE.clone(), value.clone())];
            let stored = [(ETAG.clone(), value.clone()), (LAST_MODIFIED.clone(), value)];
            select(req.as_slice(), stored.as_slice(), StatusCode::OK, length);
        }
    }
}
