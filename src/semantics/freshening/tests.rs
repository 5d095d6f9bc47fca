//! Tables of 304s and HEADs, and what they do to what is stored.

use super::*;
use crate::semantics::fields::lists::fields;

const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const SAME_DAY: &str = "Sunday, 06-Nov-94 08:49:37 GMT";
const NEXT_DAY: &str = "Mon, 07 Nov 1994 08:49:37 GMT";
const RECEIVED: Timestamp = Timestamp::from_secs(784_111_777);

type Lines<'a> = &'a [(&'static str, &'static str)];

/// The fields by their names; those of one name in order.
fn freshened(stored: Lines<'_>, fresh: Lines<'_>) -> Vec<String> {
    let mut stored = fields(stored);
    freshen(&mut stored, &fields(fresh).into_iter().collect(), RECEIVED);
    stored.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    stored.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
}

#[test]
fn which_response_a_304_is_about() {
    // s.4.3.4
    let table: &[(Lines<'_>, Lines<'_>, bool)] = &[
        // strong validators: the same
        (&[("etag", "\"a\"")], &[("etag", "\"a\"")], true),
        (&[("etag", "\"a\"")], &[("etag", "\"b\"")], false),
        (&[("etag", "W/\"a\"")], &[("etag", "\"a\"")], false),
        (&[], &[("etag", "\"a\"")], false),
        // weak ones: corresponding
        (&[("etag", "W/\"a\"")], &[("etag", "W/\"a\"")], true),
        (&[("etag", "\"a\"")], &[("etag", "W/\"a\"")], true),
        (&[("etag", "\"a\"")], &[("etag", "W/\"b\"")], false),
        (&[("last-modified", DAY)], &[("last-modified", DAY)], true),
        (&[("last-modified", DAY)], &[("last-modified", SAME_DAY)], true),
        (&[("last-modified", DAY)], &[("last-modified", NEXT_DAY)], false),
        (&[("etag", "\"a\"")], &[("last-modified", DAY)], false),
        // none
        (&[], &[], true),
        (&[("etag", "\"a\""), ("last-modified", DAY)], &[], true),
    ];
    for (stored, fresh, expected) in table {
        let found = identifies(fields(stored).as_slice(), fields(fresh).as_slice());
        assert_eq!(found, *expected, "{stored:?} {fresh:?}");
    }
}

#[test]
fn fields_are_replaced_all_lines_at_once() {
    let stored: Lines<'_> = &[("x", "1"), ("x", "2"), ("y", "3"), ("date", DAY)];
    assert_eq!(
        freshened(stored, &[("date", NEXT_DAY), ("x", "4"), ("z", "5")]),
        [&format!("date: {NEXT_DAY}"), "x: 4", "y: 3", "z: 5"]
    );
    assert_eq!(
        freshened(&[("x", "1")], &[("date", DAY), ("x", "2"), ("x", "3")])[1..],
        ["x: 2", "x: 3"]
    );
}

#[test]
fn fields_that_a_304_leaves_alone() {
    // s.3.2
    let kept: Lines<'_> = &[
        ("content-encoding", "gzip"),
        ("content-length", "5"),
        ("content-range", "bytes 0-1/2"),
        ("x-hop", "1"),
    ];
    let fresh: Lines<'_> = &[
        ("content-length", "0"),
        ("content-encoding", "br"),
        ("content-range", "bytes 0-2/2"),
        ("connection", "x-hop"),
        ("x-hop", "2"),
        ("transfer-encoding", "chunked"),
        ("date", DAY),
    ];
    let expected: Vec<_> = kept.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    let mut found = freshened(kept, fresh);
    assert_eq!(found.remove(3), format!("date: {DAY}"));
    assert_eq!(found, expected);
}

#[test]
fn the_exchange_is_the_new_one() {
    // the earlier Date and Age would make it as old as before
    let stored: Lines<'_> = &[("date", "Sat, 05 Nov 1994 08:49:37 GMT"), ("age", "5")];
    assert_eq!(freshened(stored, &[]), [format!("date: {DAY}")]);
    let fresh: Lines<'_> = &[("age", "7"), ("date", NEXT_DAY)];
    assert_eq!(freshened(stored, fresh), ["age: 7".to_owned(), format!("date: {NEXT_DAY}")]);
}

#[test]
fn a_head_that_differs_invalidates() {
    // s.4.3.5
    let stored: Lines<'_> = &[("etag", "\"a\""), ("last-modified", DAY)];
    let table: &[(Lines<'_>, HeadSays)] = &[
        (&[], HeadSays::Nothing),
        (&[("etag", "\"a\"")], HeadSays::Same),
        (&[("etag", "\"b\"")], HeadSays::Other),
        (&[("last-modified", DAY)], HeadSays::Same),
        (&[("last-modified", NEXT_DAY)], HeadSays::Other),
        (&[("etag", "\"a\""), ("last-modified", NEXT_DAY)], HeadSays::Other),
        (&[("etag", "\"a\""), ("content-length", "5")], HeadSays::Same),
        (&[("etag", "\"a\""), ("content-length", "6")], HeadSays::Other),
        (&[("content-length", "5")], HeadSays::Nothing),
        (&[("content-length", "6")], HeadSays::Other),
        (&[("content-length", "x")], HeadSays::Other),
    ];
    for (head, expected) in table {
        let found = head_says(fields(stored).as_slice(), 5, fields(head).as_slice(), false);
        assert_eq!(found, *expected, "{head:?}");
    }
    let head = fields(&[("etag", "\"a\"")]);
    assert_eq!(head_says([].as_slice(), 5, head.as_slice(), false), HeadSays::Other);
}
